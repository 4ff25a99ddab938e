using System.Globalization;
using System.Text;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Images;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Google.Protobuf;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Inception against pytorch-fid, and the three tools' ways to resize an image for it.</summary>
[Trait("Category", "Golden")]
public sealed class InceptionTests : IDisposable
{
    private const string Family = "fid-is";
    private const string Checkpoint = "pt_inception*.pth";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("pytorch", FeatureResize.Bilinear)]
    [InlineData("tensorflow1", FeatureResize.CornerBilinear)]
    [InlineData("clean", FeatureResize.AntialiasedBicubic)]
    public void Images_are_resized_as_the_tools_do(string tool, object resize)
    {
        foreach (var number in new[] { 0, 1 })
        {
            using var image = Picture(number);
            foreach (var file in Directory.GetFiles(Path.Combine(GoldenFolder.Of(Family), "resize"), $"{tool}_*_{number}.npy"))
            {
                // pytorch_29_0: all pixels; pytorch_299_every13th_0: each thirteenth.
                var words = Path.GetFileNameWithoutExtension(file).Split('_');
                var side = int.Parse(words[1], CultureInfo.InvariantCulture);
                var step = words[2].StartsWith("every", StringComparison.Ordinal) ? int.Parse(new string([.. words[2].Where(char.IsAsciiDigit)]), CultureInfo.InvariantCulture) : 1;
                var expected = Npy.Read(file);
                using var resized = FeatureExtractor.Resize(ImageTensor.From(image), side, (FeatureResize)resize);
                float[] seen = [.. resized.Values.Where((_, i) => i % side % step == 0 && i / side % side % step == 0)];
                Assert.Equal(expected.Floats().Length, seen.Length);
                Near.Values([.. expected.Floats().Select(value => value / 255)], seen, words[0]);
            }
        }
    }

    [Fact]
    public void Features_and_logits_are_those_of_pytorch_fid()
    {
        using var model = Export(TinyCheckpoint());
        Compare(model, "tiny");
    }

    /// <summary>The torch-fidelity way through the same weights.</summary>
    [Fact]
    public void Features_depend_on_the_tool_as_they_should()
    {
        using var model = Export(TinyCheckpoint(), ("resize", "torch-fidelity"));
        using var image = Picture(1);
        Near.Values(Read("tiny", "pool3_tf_preprocess_picture1").Floats(), model.ExtractFeatures(image).Features, "features");
    }

    [Fact]
    public void Blocks_are_those_of_pytorch_fid()
    {
        using var model = Export(TinyCheckpoint());
        CompareBlocks(model, "tiny", ["block0_maxpool1", "block1_maxpool2", "block2_mixed6e"]);
        var blocks = Run(model, 0);
        Near.Values(Read("tiny", "block2_picture0").Floats(), blocks[2], "block 2");
    }

    /// <summary>At the published size, of weights that their names tell.</summary>
    [Fact]
    public void The_published_size_gives_the_features_of_pytorch_fid()
    {
        var names = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of(Family), "fullsize.json"))).RootElement.GetProperty("tensors");
        var seed = Seed();
        var file = Path.Combine(_folder.Path, "model.safetensors");
        SafetensorsWriter.Write(file, names.EnumerateArray().ToDictionary(tensor => tensor[0].GetString()!, tensor =>
        {
            int[] shape = [.. tensor[1].EnumerateArray().Select(size => size.GetInt32())];
            return new Tensor(Formula(tensor[0].GetString()!, shape, seed), isFloat16: false, shape);
        }));
        using var model = Export(file);
        Compare(model, "fullsize_formula");
        CompareBlocks(model, "fullsize_formula", ["features_64", "features_192", "features_768"]);
    }

    [Fact]
    public void What_is_no_inception_is_told()
    {
        var file = Path.Combine(_folder.Path, "model.safetensors");
        SafetensorsWriter.Write(file, new Dictionary<string, Tensor>
        {
            ["Conv2d_1a_3x3.conv.weight"] = new(new float[54], isFloat16: false, 2, 3, 3, 3),
            ["fc.weight"] = new(new float[32], isFloat16: false, 4, 8),
        });
        var error = Assert.Throws<InvalidDataException>(() => Export(file));
        Assert.Contains("'Conv2d_1a_3x3.bn.weight'", error.Message, StringComparison.Ordinal);
        var precision = Assert.Throws<ArgumentException>(() => BundleExporter.ExportRandom("inception", "tiny", Path.Combine(_folder.Path, "fp16"), new() { Precision = Precision.Fp16 }));
        Assert.Contains("fp32 alone", precision.Message, StringComparison.Ordinal);
        var setting = Assert.Throws<ArgumentException>(() => Export(file, ("resize", "bicubic")));
        Assert.Contains("pytorch-fid, torch-fidelity, clean-fid", setting.Message, StringComparison.Ordinal);
    }

    private static void Compare(DalleModel model, string folder)
    {
        var (features, logits) = (Read(folder, "pool3"), Read(folder, "logits_unbiased"));
        Assert.Equal((features.Shape[1], logits.Shape[1]), (model.Info.FeatureDimension, model.Info.FeatureClasses));
        for (var number = 0; number < features.Shape[0]; number++)
        {
            using var image = Picture(number);
            var extracted = model.ExtractFeatures(image);
            Near.Values([.. features.Floats().Chunk(features.Shape[1]).ElementAt(number)], extracted.Features, "features");
            Near.Values([.. logits.Floats().Chunk(logits.Shape[1]).ElementAt(number)], extracted.Logits, "logits");
        }
    }

    private static void CompareBlocks(DalleModel model, string folder, string[] files)
    {
        for (var number = 0; number < 2; number++)
        {
            foreach (var (file, planes) in files.Zip(Run(model, number)))
            {
                var expected = Read(folder, file);
                var means = planes.Chunk(planes.Length / expected.Shape[1]).Select(plane => plane.Average());
                Near.Values(expected.Floats().Chunk(expected.Shape[1]).ElementAt(number), [.. means], file);
            }
        }
    }

    /// <summary>The planes after the first three blocks.</summary>
    private static float[][] Run(DalleModel model, int picture)
    {
        var bundle = Bundle.Open(model.Info.Path);
        var path = bundle.PathOf(bundle.Manifest.Features!.File);
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        string[] blocks = [.. new[] { "block0/", "block1/", "Mixed_6e/" }.Select(name => new HiddenState("", name).Find("", graph.Graph))];
        graph.Graph.Output.AddRange(blocks.Select(name => new ValueInfoProto { Name = name }));
        // Beside the graph, where its weights are.
        var copy = Path.ChangeExtension(path, ".states.onnx");
        File.WriteAllBytes(copy, graph.ToByteArray());
        using var session = new InferenceSession(copy);
        using var image = Picture(picture);
        using var resized = FeatureExtractor.Resize(ImageTensor.From(image), bundle.Manifest.Features.ImageSize, bundle.Manifest.Features.Resize);
        using var pixels = OrtValue.CreateTensorValueFromMemory(resized.Values, [1, 3, resized.Height, resized.Width]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["pixels"], [pixels], blocks);
        return [.. outputs.Select(output => output.GetTensorDataAsSpan<float>().ToArray())];
    }

    /// <summary>The seed of the formula, found by the values that the reference lists.</summary>
    private static ulong Seed()
    {
        var listed = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of(Family), "fullsize_formula", "weights_check.json"))).RootElement;
        var tensor = listed.GetProperty("Conv2d_1a_3x3.conv.weight");
        return Enumerable.Range(0, 100_000).Select(seed => (ulong)seed)
            .First(seed => Enumerable.Range(0, 3).All(i => (float)((2 * Uniform("Conv2d_1a_3x3.conv.weight", seed, i) - 1) * Math.Sqrt(6.0 / 27)) == tensor[i].GetSingle()));
    }

    private static float[] Formula(string name, int[] shape, ulong seed)
    {
        var fan = shape.Skip(1).Aggregate(1, (product, size) => product * size);
        Func<double, double> value = name switch
        {
            _ when name.EndsWith("conv.weight", StringComparison.Ordinal) => u => (2 * u - 1) * Math.Sqrt(6.0 / fan),
            "fc.weight" => u => (2 * u - 1) * Math.Sqrt(12.0 / fan),
            _ when name.EndsWith("bn.weight", StringComparison.Ordinal) || name.EndsWith("running_var", StringComparison.Ordinal) => u => u + 0.5,
            _ => u => (2 * u - 1) * 0.2,
        };
        var start = Hash(name) + seed;
        var values = new float[shape[0] * fan];
        Parallel.For(0, values.Length, i => values[i] = (float)value(Uniform(start, i)));
        return values;
    }

    private static double Uniform(string name, ulong seed, int i) => Uniform(Hash(name) + seed, i);

    private static double Uniform(ulong start, int i)
    {
        var z = start + (ulong)(i + 1L) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        z ^= z >> 31;
        return (z >> 40) / (double)(1 << 24);
    }

    /// <summary>FNV-1a.</summary>
    private static ulong Hash(string name)
    {
        var hash = 0xCBF29CE484222325;
        foreach (var value in Encoding.UTF8.GetBytes(name))
            hash = (hash ^ value) * 0x100000001B3;
        return hash;
    }

    private static string TinyCheckpoint() => Directory.GetFiles(Path.Combine(GoldenFolder.Of(Family), "tiny"), Checkpoint).Single();

    private static Npy Read(string folder, string file) => Npy.Read(Path.Combine(GoldenFolder.Of(Family), folder, file + ".npy"));

    private static MLImage Picture(int number)
    {
        var pixels = Read("", $"image{number}_u8");
        return MLImage.CreateFromPixels(pixels.Shape[1], pixels.Shape[0], MLPixelFormat.Rgba32, [.. pixels.Data.Chunk(3).SelectMany(color => color.Append(byte.MaxValue))]);
    }

    private DalleModel Export(string file, params (string Name, string Value)[] settings)
    {
        var output = Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"));
        BundleExporter.Export("inception", [file], output, new ExportOptions { Settings = settings.ToDictionary(setting => setting.Name, setting => setting.Value) });
        return DalleModel.Load(output);
    }
}
