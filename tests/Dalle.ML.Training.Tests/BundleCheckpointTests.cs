using System.Globalization;
using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Tests;

/// <summary>Training starts from bundles as from checkpoints.</summary>
public sealed class BundleCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _notes = [];

    public BundleCheckpointTests() => TorchSupport.Require();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_built_in_model_is_recovered_weight_for_weight()
    {
        var start = StartingPoint.Open(StartingPoint.BuiltIn, In("run"), _notes.Add);
        BundleExporter.Export("dalle", [start.Folder], In("again"));

        AssertSameWeights(Trainer.EmojiFolder, In("again"), tolerance: 1e-6f);
        var (old, now) = (Bundle.ManifestOf(Trainer.EmojiFolder), Bundle.ManifestOf(In("again")));
        Assert.Equal(old.Clip!.Scale, now.Clip!.Scale, 1e-4f);
        Assert.Equal((old.Text!.Vocabulary, old.Text.Length, old.Decoder!.Cache), (now.Text!.Vocabulary, now.Text.Length, now.Decoder!.Cache));
        Assert.Empty(_notes);
    }

    [Theory]
    [InlineData(Precision.Fp32, "4", 1e-6f)]
    [InlineData(Precision.Fp16, "4", 3e-4f)]
    // Of heads of four channels, graphs have eight.
    [InlineData(Precision.Fp32, "16", 1e-6f)]
    public void Sparse_attention_halves_and_padded_heads_are_recovered(Precision precision, string heads, float tolerance)
    {
        var options = new ExportOptions { Precision = precision, Settings = new Dictionary<string, string> { ["heads"] = heads } };
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"), options);
        var start = StartingPoint.Open(In("bundle"), In("run"), Assert.Fail);
        BundleExporter.Export("dalle", [start.Folder], In("again"), new ExportOptions { Precision = precision });

        Assert.True(start.Config.Transformer!.SparseAttention);
        AssertSameWeights(In("bundle"), In("again"), tolerance);
    }

    [Fact]
    public void The_built_in_model_learns_new_words_and_keeps_the_old_ones()
    {
        ShapeData.Write(In("photos"), 16);
        foreach (var text in Directory.GetFiles(In("photos"), "*.txt"))
            File.AppendAllText(text, " of zorblin and quexel");
        var options = new DalleTrainingOptions
        {
            Folder = In("run"),
            StartFrom = StartingPoint.BuiltIn,
            FreezeDiscreteVae = true,
            TransformerEpochs = 1,
            ClipEpochs = 1,
            BatchSize = 8,
            Threads = 1,
            Seed = 1,
        };
        var images = CaptionedImages.Find(In("photos"), null, new CaptionColumns(null, null), _notes.Add);
        var result = new TrainingRun(options, "cpu", _notes.Add).Train(images, Enum.GetValues<TrainingStage>());

        var (old, now) = (new TrainingText(Trainer.EmojiFolder), new TrainingText(result.Bundle));
        foreach (var word in new[] { " zorblin", " quexel" })
        {
            Assert.True(Encode(old, word).Length > 1);
            Assert.True(Assert.Single(Encode(now, word)) >= old.VocabularySize);
        }
        foreach (var prompt in File.ReadAllLines(Path.Combine(Trainer.EmojiFolder, "words.txt")))
            Assert.Equal(Encode(old, prompt), Encode(now, prompt));

        Assert.Equal(Bundle.ManifestOf(Trainer.EmojiFolder).Text!.Cleaning, Bundle.ManifestOf(result.Bundle).Text!.Cleaning);
        using var before = DalleModel.LoadDefault();
        using var after = DalleModel.Load(result.Bundle);
        Assert.True(after.Info.HasClip);
        const string Prompt = "a red apple";
        using var apple = before.Generate(Prompt, seed: 1, new GenerationOptions { Candidates = 1 });
        Assert.Equal(before.EncodeImage(apple.Image), after.EncodeImage(apple.Image));
        // A few steps change little of what was learnt.
        var likelihood = before.LogLikelihood(Prompt, apple.Image);
        Assert.Equal(likelihood, after.LogLikelihood(Prompt, apple.Image), Math.Abs(0.1 * likelihood));
        using var image = after.Generate("a zorblin", seed: 1, new GenerationOptions { Candidates = 2 });
        Assert.Equal(128, image.Image.Width);

        static int[] Encode(TrainingText text, string prompt) => text.Encode(prompt, 0, Random.Shared);
    }

    [Fact]
    public void A_run_goes_on_from_the_bundle_of_another_and_not_from_its_own()
    {
        using var set = Shapes.Set(size: 64, count: 16, validation: 0);
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"));
        var start = StartingPoint.Open(In("bundle"), In("run"), Assert.Fail);
        var plan = TrainingPlan.Smallest(In("run"));
        plan = plan with
        {
            StartFrom = start,
            FreezesDiscreteVae = true,
            TextLength = start.Config.Text.Length,
            Replicas = 1,
            Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { Epochs = 1 } },
        };
        Assert.True(new Trainer(set, plan, start.Folder).Run(TrainingStage.Transformer));
        var bundle = new Trainer(set, plan, start.Folder).Training.ExportBundle();

        var second = StartingPoint.Open(bundle, In("second"), Assert.Fail);
        Assert.Equal(start.Config.Transformer!.Dim, second.Config.Transformer!.Dim);
        foreach (var own in new[] { "model", "checkpoint" })
            Assert.Contains($"cannot start from its own '{own}'", Assert.Throws<ArgumentException>(() => StartingPoint.Open(In($"run/{own}"), In("run"), Assert.Fail)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_weights_that_a_graph_has_only_once_are_recovered()
    {
        using var set = Shapes.Set(size: 64, count: 16, validation: 0);
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"));
        var images = StartingPoint.Open(In("bundle"), In("images"), Assert.Fail);
        (images.Config with { Transformer = null }).Write(Path.Combine(images.Folder, "config.json"));
        var plan = TrainingPlan.Smallest(In("run"));
        // A new transformer at a rate of zero: all norms and biases are the same.
        plan = plan with
        {
            StartFrom = StartingPoint.Open(images.Folder, In("run"), Assert.Fail),
            FreezesDiscreteVae = true,
            Replicas = 1,
            Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { Epochs = 1, LearningRate = 0 } },
        };
        var trainer = new Trainer(set, plan, images.Folder);
        Assert.True(trainer.Run(TrainingStage.Transformer));
        var bundle = trainer.Training.ExportBundle();
        var start = StartingPoint.Open(bundle, In("second"), Assert.Fail);
        BundleExporter.Export("dalle", [start.Folder], In("again"));

        AssertSameWeights(bundle, In("again"), tolerance: 1e-6f);
    }

    [Fact]
    public void A_discrete_VAE_of_vector_quantization_must_be_frozen()
    {
        using var set = Shapes.Set(size: 64, count: 16, validation: 0);
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"));
        var plan = TrainingPlan.Smallest(In("run")) with { StartFrom = StartingPoint.Open(In("bundle"), In("run"), Assert.Fail), Replicas = 1 };

        var exception = Assert.Throws<InvalidDataException>(() => new Trainer(set, plan).Run(TrainingStage.DiscreteVae));

        Assert.Contains($"'{In("bundle")}' cannot be trained further", exception.Message, StringComparison.Ordinal);
        Assert.Contains("--freeze-dvae", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_decoder_of_another_width_and_an_encoder_of_two_blocks_are_trained_and_recovered()
    {
        using var set = Shapes.Set(size: 32, count: 16, validation: 0);
        var plan = TrainingPlan.Smallest(In("run"));
        plan = plan with
        {
            Replicas = 1,
            DiscreteVae = plan.DiscreteVae with { Width = 16, DecoderWidth = 32, Blocks = 2, Quantizer = Quantizer.Gumbel, Schedule = plan.DiscreteVae.Schedule with { Epochs = 1 } },
            Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { Epochs = 1 } },
        };
        var trainer = new Trainer(set, plan);
        Assert.True(trainer.Run(TrainingStage.DiscreteVae));
        Assert.True(trainer.Run(TrainingStage.Transformer));
        var bundle = trainer.Training.ExportBundle();
        var start = StartingPoint.Open(bundle, In("second"), Assert.Fail);
        BundleExporter.Export("dalle", [start.Folder], In("again"));

        AssertSameWeights(bundle, In("again"), tolerance: 1e-6f);
        var adapted = start.Adapt(TrainingPlan.Smallest(In("third"))).DiscreteVae;
        Assert.Equal((16, 32, 2), (adapted.Width, adapted.DecoderWidth, adapted.Blocks));
    }

    [Fact]
    public void A_CLIP_of_another_model_begins_anew()
    {
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"), new ExportOptions { Clip = TinyModel.Path });

        Assert.Null(StartingPoint.Open(In("bundle"), In("run"), _notes.Add).Config.Clip);
        Assert.Contains("is of another model, so a new one is trained", Assert.Single(_notes), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Quantised_bundles_are_refused(Precision precision)
    {
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"), new ExportOptions { Precision = precision });
        AssertRefused($"its weights are quantised ({precision.Name()})");
    }

    [Fact]
    public void Bundles_of_another_family_are_refused()
    {
        BundleExporter.ExportRandom("dalle-classifier", "tiny", In("bundle"));
        AssertRefused("training starts from models of the family 'dalle'; this one is of 'dalle-classifier'");
    }

    [Fact]
    public void Bundles_without_a_transformer_are_refused()
    {
        var start = StartingPoint.Open(TinyModel.Path, In("checkpoint"), Assert.Fail);
        (start.Config with { Transformer = null, Clip = null }).Write(Path.Combine(start.Folder, "config.json"));
        BundleExporter.Export("dalle", [start.Folder], In("bundle"));
        AssertRefused("it has no transformer with its vocabulary");
    }

    [Fact]
    public void A_graph_that_was_not_exported_so_is_refused()
    {
        BundleExporter.ExportRandom("dalle", "tiny", In("bundle"));
        var path = In("bundle/decoder.onnx");
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        foreach (var (change, message) in new (Action<TensorProto> Change, string Message)[]
        {
            (weight => weight.Dims[0]--, "has the shape"),
            (weight => weight.DataType = (int)TensorProto.Types.DataType.Int8, "is not of floats"),
            (weight => weight.ExternalData.First(entry => entry.Key == "offset").Value = $"{long.MaxValue}", "is outside of 'decoder.weights'"),
            (weight => weight.ExternalData.First(entry => entry.Key == "length").Value = "-4", "does not lie in a file beside it"),
            (weight => weight.Name = "other", "is not a weight"),
        })
        {
            var changed = model.Clone();
            change(changed.Graph.Initializer.First(tensor => tensor.Name == "embedding/token"));
            File.WriteAllBytes(path, Google.Protobuf.MessageExtensions.ToByteArray(changed));
            Assert.Contains(message, Assert.Throws<InvalidDataException>(() =>
            {
                using var weights = new GraphWeights(path);
                weights.Read("embedding/Gather", 0, 16384 + 32 + 8192, -1);
            }).Message, StringComparison.Ordinal);
        }
        // Bundles are verified before they are read.
        AssertRefused("the file 'decoder.onnx'");
    }

    private void AssertRefused(string message)
    {
        Assert.Contains(message, Assert.Throws<DalleBundleException>(() => StartingPoint.Open(In("bundle"), In("run"), Assert.Fail)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(In("run/start/config.json")));
    }

    /// <summary>All files are the same byte for byte, but for the sums of rows and columns that image positions are: those are split and added again.</summary>
    private static void AssertSameWeights(string expected, string actual, float tolerance)
    {
        const string Weights = "decoder.weights";
        string[] files = [.. Bundle.ManifestOf(actual).Files.Keys.Where(file => file != Weights)];
        Assert.Contains("image_encoder.weights", files);
        Assert.Equal(Bundle.ManifestOf(expected).Files.Keys.Where(file => file is not (Weights or "words.txt")), files);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(expected, file)), File.ReadAllBytes(Path.Combine(actual, file))));

        var (old, now) = (File.ReadAllBytes(Path.Combine(expected, Weights)), File.ReadAllBytes(Path.Combine(actual, Weights)));
        var positions = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Path.Combine(expected, "decoder.onnx"))).Graph.Initializer.Single(tensor => tensor.Name == "embedding/position");
        var (start, length) = (Place("offset"), Place("length"));
        Assert.Equal(old.Length, now.Length);
        Assert.Equal(old.AsSpan(0, start), now.AsSpan(0, start));
        Assert.Equal(old.AsSpan(start + length), now.AsSpan(start + length));
        foreach (var (one, other) in Values(old).Zip(Values(now)))
            Assert.Equal(one, other, tolerance);

        int Place(string key) => int.Parse(positions.ExternalData.Single(entry => entry.Key == key).Value, CultureInfo.InvariantCulture);

        float[] Values(byte[] bytes) => positions.DataType == (int)TensorProto.Types.DataType.Float16
            ? [.. MemoryMarshal.Cast<byte, Half>(bytes.AsSpan(start, length)).ToArray().Select(value => (float)value)]
            : MemoryMarshal.Cast<byte, float>(bytes.AsSpan(start, length)).ToArray();
    }

    private string In(string path) => Path.Combine(_folder.Path, path.Replace('/', Path.DirectorySeparatorChar));
}
