using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;
using TorchSharp;

namespace Dalle.ML.Training.Tests;

/// <summary>What the stages promise beside what they learn.</summary>
public sealed class StageTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly TrainingSet _set = Shapes.Set(size: 32, count: 80, validation: 8);

    public StageTests() => TorchSupport.Require();

    public void Dispose()
    {
        _set.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData("vq", false)]
    [InlineData("gumbel", true)]
    public void A_bundle_encodes_and_rates_as_the_networks_do(string quantizer, bool isSparse)
    {
        var plan = Plan();
        plan = plan with
        {
            DiscreteVae = plan.DiscreteVae with { Quantizer = quantizer == "vq" ? Quantizer.Vq : Quantizer.Gumbel },
            Transformer = plan.Transformer with { IsSparse = isSparse, Layers = 3 },
            UsesBfloat16 = false,
        };
        var trainer = new Trainer(_set, plan);
        foreach (var stage in Enum.GetValues<TrainingStage>())
            Assert.True(trainer.Run(stage));
        var reported = trainer.Reports.Last(report => report.Stage == TrainingStage.Transformer).Validation;
        Assert.True(reported["image"] < reported["image without text"] + 0.5);

        using var model = DalleModel.Load(trainer.Training.ExportBundle());
        using var tokens = Checkpoint.Open(Path.Combine(_folder.Path, "tokens.safetensors"));
        var (all, each) = (tokens.Read("tokens").Values, model.Info.TokenRows * model.Info.TokenColumns);
        Assert.Equal(16, each);
        double sum = 0;
        var same = 0;
        foreach (var image in _set.Validation)
        {
            using var picture = Shapes.ToImage(_set, image);
            var encoded = model.EncodeImage(picture);
            same += encoded.Where((token, i) => token == (int)all[image * each + i]).Count();
            sum -= model.LogLikelihood(_set.Captions(image)[0], picture) / each;
        }
        // The files hold halves: where two codes are about as near, the other may be chosen.
        Assert.InRange(same, 0.97 * _set.Validation.Count * each, _set.Validation.Count * each);
        Assert.Equal(reported["image"], sum / _set.Validation.Count, 0.05);
    }

    [Theory]
    [InlineData(TrainingStage.DiscreteVae)]
    [InlineData(TrainingStage.Transformer)]
    public void Replicas_together_learn_what_one_does(TrainingStage stage)
    {
        double[][] losses = [.. new[] { 1, 2, 3 }.Select(replicas =>
        {
            var plan = Plan($"{replicas}") with { Replicas = replicas, UsesBfloat16 = false };
            foreach (var before in Enum.GetValues<TrainingStage>().Where(before => before < stage))
                Assert.True(new Trainer(_set, plan with { Replicas = 1 }).Run(before));
            var trainer = new Trainer(_set, plan);
            trainer.Run(stage, until: 8);
            return trainer.Reports.Select(report => report.Losses.First().Value).ToArray();
        })];

        Assert.Equal(8, losses[0].Length);
        for (var step = 0; step < losses[0].Length; step++)
        {
            Assert.Equal(losses[0][step], losses[1][step], 1e-2 * losses[0][step]);
            Assert.Equal(losses[0][step], losses[2][step], 1e-2 * losses[0][step]);
        }
    }

    [Fact]
    public void Passes_of_a_step_add_up_to_a_larger_batch()
    {
        Assert.True(new Trainer(_set, Plan()).Run(TrainingStage.DiscreteVae));
        double[] Run(string name, int batch, int passes)
        {
            var plan = Plan(name);
            Directory.CreateDirectory(plan.Folder);
            File.Copy(TrainingCheckpoint.PathOf(_folder.Path, TrainingStage.DiscreteVae), TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.DiscreteVae));
            plan = plan with
            {
                UsesBfloat16 = false,
                Transformer = plan.Transformer with
                {
                    TextDropout = 0,
                    BpeDropout = 0,
                    Schedule = plan.Transformer.Schedule with { BatchSize = batch, Accumulation = passes },
                },
            };
            var trainer = new Trainer(_set, plan);
            trainer.Run(TrainingStage.Transformer, until: 6);
            return [.. trainer.Reports.Select(report => report.Losses["image"])];
        }

        foreach (var (one, two) in Run("one", 16, 1).Zip(Run("two", 8, 2)))
            Assert.Equal(one, two, 1e-3);
    }

    [Theory]
    [InlineData(TrainingStage.DiscreteVae)]
    [InlineData(TrainingStage.Transformer)]
    [InlineData(TrainingStage.Clip)]
    public void Tensors_do_not_pile_up(TrainingStage stage)
    {
        var plan = Plan() with { Replicas = 2, CheckpointEvery = TimeSpan.Zero, Samples = _ => { }, SamplesEvery = TimeSpan.Zero };
        foreach (var before in Enum.GetValues<TrainingStage>().Where(before => before < stage))
            Assert.True(new Trainer(_set, plan).Run(before));
        List<long> counts = [];
        var trainer = new Trainer(_set, plan) { Reported = () => counts.Add(torch.Tensor.TotalCount) };
        Assert.True(trainer.Run(stage));

        Assert.True(counts.Count > 7, $"{counts.Count} steps");
        Assert.Equal(counts[2], counts.Skip(2).Max());
    }

    [Fact]
    public void A_cancelled_stage_keeps_what_it_learnt()
    {
        var trainer = new Trainer(_set, Plan());
        Assert.False(trainer.Run(TrainingStage.DiscreteVae, until: 4));
        Assert.False(trainer.Run(TrainingStage.Transformer, until: 4));
        using var model = DalleModel.Load(trainer.Training.ExportBundle());
        Assert.False(model.Info.HasClip);
        using var image = model.Generate("a red circle", seed: 1, new GenerationOptions { Candidates = 1 });
        Assert.Equal(32, image.Image.Width);
    }

    [Fact]
    public void The_average_of_the_weights_is_the_result()
    {
        var plan = Plan();
        plan = plan with { Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { AverageDecay = 0.9 } } };
        var trainer = new Trainer(_set, plan);
        Assert.True(trainer.Run(TrainingStage.DiscreteVae));
        Assert.True(trainer.Run(TrainingStage.Transformer));
        using var written = Checkpoint.Open(Path.Combine(trainer.Training.WriteCheckpoint(), "transformer.safetensors"));
        using var kept = Checkpoint.Open(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.Transformer));

        var average = kept.Read("average.image_head.bias").Values;
        Assert.Equal(Array.ConvertAll(average, value => (float)(Half)value), written.Read("image_head.bias").Values);
        Assert.NotEqual(kept.Read("model.image_head.bias").Values, average);
    }

    [Fact]
    public void Time_that_is_over_ends_a_stage_with_its_validation()
    {
        var plan = Plan();
        plan = plan with { DiscreteVae = plan.DiscreteVae with { Schedule = plan.DiscreteVae.Schedule with { MaxDuration = TimeSpan.FromTicks(1) } } };
        var trainer = new Trainer(_set, plan);
        Assert.True(trainer.Run(TrainingStage.DiscreteVae));
        var report = Assert.Single(trainer.Reports);
        Assert.Equal(1, report.Done);
        Assert.Contains("psnr", report.Validation.Keys);
    }

    [Fact]
    public void Sheets_show_what_was_learnt_beside_the_originals()
    {
        List<SampleSheet> sheets = [];
        var plan = Plan() with { Samples = sheets.Add, SamplesEvery = TimeSpan.FromDays(1) };
        Assert.True(new Trainer(_set, plan).Run(TrainingStage.DiscreteVae));
        Assert.True(new Trainer(_set, plan).Run(TrainingStage.Transformer));

        Assert.Equal([TrainingStage.DiscreteVae, TrainingStage.Transformer], sheets.Select(sheet => sheet.Stage));
        foreach (var sheet in sheets)
        {
            Assert.Equal(_set.Validation.Select(image => _set.Captions(image)[0]), sheet.Images.Select(image => image.Caption));
            Assert.All(sheet.Images, image => Assert.Equal((3 * 32 * 32, 3 * 32 * 32), (image.Pixels.Length, image.Original.Length)));
        }
        var original = new byte[3 * 32 * 32];
        _set.ReadImage(0, original);
        Assert.Equal(original, sheets[0].Images[0].Original);
    }

    [Fact]
    public void Divergence_is_an_error_that_leaves_the_last_checkpoint()
    {
        var plan = Plan() with { CheckpointEvery = TimeSpan.Zero };
        new Trainer(_set, plan).Run(TrainingStage.DiscreteVae, until: 2);
        var before = File.ReadAllBytes(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.DiscreteVae));
        var wild = plan with { DiscreteVae = plan.DiscreteVae with { Schedule = plan.DiscreteVae.Schedule with { LearningRate = 1e25, WarmUpSteps = 1 } }, CheckpointEvery = TimeSpan.MaxValue };

        var exception = Assert.Throws<ArithmeticException>(() => new Trainer(_set, wild).Run(TrainingStage.DiscreteVae));

        Assert.Contains("Lower the learning rate", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.DiscreteVae)));
    }

    [Fact]
    public void Another_size_or_seed_than_a_checkpoint_has_is_an_error()
    {
        var plan = Plan();
        new Trainer(_set, plan).Run(TrainingStage.DiscreteVae, until: 1);

        Throws("of other sizes", plan with { DiscreteVae = plan.DiscreteVae with { Width = 16 } });
        Throws("with the seed 0, not 7", plan with { Seed = 7 });
        var path = TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.DiscreteVae);
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..^100]);
        Throws(path, plan);

        void Throws(string message, TrainingPlan changed) =>
            Assert.Contains(message, Assert.Throws<InvalidDataException>(() => new Trainer(_set, changed).Run(TrainingStage.DiscreteVae)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_says_which_one_comes_before_it()
    {
        var exception = Assert.Throws<InvalidOperationException>(() => new Trainer(_set, Plan()).Run(TrainingStage.Transformer));
        Assert.Contains("TrainDiscreteVae", exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tpu", "is not a device")]
    [InlineData("cuda:0", "there is no CUDA GPU")]
    public void A_device_that_is_not_there_is_an_error(string name, string message)
    {
        Assert.SkipWhen(name != "tpu" && torch.cuda.is_available(), "There is a GPU.");
        Assert.Contains(message, Assert.Throws<ArgumentException>(() => LibTorch.Device(name)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Training_goes_on_from_another_model_and_its_vocabulary()
    {
        var first = new Trainer(_set, Plan("first"));
        foreach (var stage in Enum.GetValues<TrainingStage>())
            Assert.True(first.Run(stage));
        var start = first.Training.WriteCheckpoint();
        // The old tokens under other ids, and new ones.
        var vocabulary = Directory.CreateDirectory(Path.Combine(_folder.Path, "vocabulary")).FullName;
        var tokens = new TrainingText(Trainer.EmojiFolder).Vocabulary.OrderBy(token => token.Value).Select(token => token.Key).Reverse().Append("▁new").ToArray();
        File.WriteAllText(Path.Combine(vocabulary, "vocab.json"), System.Text.Json.JsonSerializer.Serialize(tokens.Index().ToDictionary(token => token.Item, token => token.Index)));
        File.Copy(Path.Combine(Trainer.EmojiFolder, "merges.txt"), Path.Combine(vocabulary, "merges.txt"));
        var plan = Plan("second") with { StartFrom = StartingPoint.Open(start, Path.Combine(_folder.Path, "second"), Assert.Fail), FreezesDiscreteVae = true, TextLength = 10 };
        // At a rate of zero the weights stay what was read.
        plan = plan with { Transformer = plan.Transformer with { Layers = 1, Schedule = plan.Transformer.Schedule with { LearningRate = 0 } } };
        var second = new Trainer(_set, plan, vocabulary);
        foreach (var stage in Enum.GetValues<TrainingStage>())
            second.Run(stage, until: 1);

        using var before = Checkpoint.Open(Path.Combine(start, "transformer.safetensors"));
        using var after = Checkpoint.Open(TrainingCheckpoint.PathOf(plan.Folder, TrainingStage.Transformer));
        foreach (var (name, width) in new[] { ("text_emb.weight", 64), ("text_head.weight", 64), ("text_head.bias", 1) })
        {
            var (old, now) = (before.Read(name).Values, after.Read("model." + name).Values);
            Assert.Equal((2048 + 8) * width, old.Length);
            Assert.Equal((2049 + 10) * width, now.Length);
            for (var token = 0; token < 2048; token++)
                Assert.Equal(old.AsSpan(token * width, width), now.AsSpan((2047 - token) * width, width));
            for (var position = 0; position < 8; position++)
                Assert.Equal(old.AsSpan((2048 + position) * width, width), now.AsSpan((2049 + position) * width, width));
        }
        Assert.Equal(before.Read("blocks.1.qkv.weight").Values, after.Read("model.blocks.1.qkv.weight").Values);
        var folder = second.Training.WriteCheckpoint();
        Assert.Equal(File.ReadAllBytes(Path.Combine(start, "dvae.safetensors")), File.ReadAllBytes(Path.Combine(folder, "dvae.safetensors")));
        using var model = DalleModel.Load(second.Training.ExportBundle());
        Assert.Equal(10, model.Info.TextLength);
    }

    private TrainingPlan Plan(string? name = null)
    {
        var plan = KilledChild.Plan(name is null ? _folder.Path : Path.Combine(_folder.Path, name));
        return plan with { Replicas = 1, CheckpointEvery = TimeSpan.FromDays(1), Transformer = plan.Transformer with { Schedule = plan.Transformer.Schedule with { AverageDecay = null } } };
    }
}
