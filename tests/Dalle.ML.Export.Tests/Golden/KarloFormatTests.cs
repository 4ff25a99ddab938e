using System.Runtime.InteropServices;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Karlo in every form that it is saved in becomes a bundle that generates.</summary>
[Trait("Category", "Golden")]
public sealed class KarloFormatTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("karlo", Precision.Fp32)]
    [InlineData("karlo", Precision.Fp16)]
    [InlineData("karlo-diffusers", Precision.Fp32)]
    public void Lightning_checkpoints_generate(string family, Precision precision)
    {
        using var bundle = new KarloBundle(GoldenFolder.Of(family), family == "karlo" ? "" : "original");
        AssertGenerates(bundle.Files, precision);
    }

    [Theory]
    [InlineData("karlo", Precision.Fp32)]
    [InlineData("karlo", Precision.Fp16)]
    [InlineData("karlo-diffusers", Precision.Fp32)]
    [InlineData("karlo-diffusers", Precision.Fp16)]
    public void Folders_of_diffusers_generate(string family, Precision precision) => AssertGenerates([Path.Combine(GoldenFolder.Of(family), "diffusers")], precision);

    [Theory]
    [InlineData(".safetensors")]
    [InlineData(".fp16.safetensors")]
    [InlineData(".bin")]
    [InlineData(".fp16.bin")]
    public void Folders_of_diffusers_in_32_bits_generate_the_same(string end)
    {
        var source = Path.Combine(GoldenFolder.Of("karlo"), "diffusers");
        var copy = Path.Combine(_folder.Path, "copy");
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(copy, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            if (Path.GetExtension(file) is not (".bin" or ".safetensors"))
                File.Copy(file, to);
            else if (end.EndsWith(".bin", StringComparison.Ordinal))
                CopyAsTorch(file, Path.ChangeExtension(to, end));
            else
                SafetensorsWriter.Copy(file, Path.Combine(Path.GetDirectoryName(to)!, NameOf(file) + end), (_, tensor) => tensor);
        }
        Assert.Equal(AssertGenerates([source], Precision.Fp32), AssertGenerates([copy], Precision.Fp32));
    }

    // As safetensors the encoders have another name.
    private static string NameOf(string file) => Path.GetFileNameWithoutExtension(file) is var name && name == "pytorch_model" ? "model" : name;

    /// <summary>The pixels of an image, which another seed has others of.</summary>
    private byte[] AssertGenerates(string[] files, Precision precision)
    {
        var output = Path.Combine(_folder.Path, Guid.NewGuid().ToString());
        BundleExporter.Export("karlo", files, output, new ExportOptions { Precision = precision });
        using var model = DalleModel.Load(output);
        var options = new GenerationOptions { Candidates = 1, Diffusion = new DiffusionOptions { PriorSteps = 3, DecoderSteps = 3, UpsamplerSteps = 3 } };
        using GeneratedImage image = model.Generate("a red cat", seed: 1, options), other = model.Generate("a red cat", seed: 2, options);
        Assert.Equal((model.Info.ImageWidth, model.Info.ImageHeight), (image.Image.Width, image.Image.Height));
        Assert.False(image.Image.Pixels.SequenceEqual(other.Image.Pixels));
        return image.Image.Pixels.ToArray();
    }

    private static void CopyAsTorch(string source, string path)
    {
        using var checkpoint = Checkpoint.Open(source);
        var (root, storages) = (new Dictionary<object, object?>(), new Dictionary<string, byte[]>());
        foreach (var (i, name) in checkpoint.Names.Index())
        {
            var tensor = checkpoint.Read(name);
            root.Add(name, TorchWriter.Tensor("FloatStorage", $"{i}", tensor.Values.Length, [.. tensor.Shape.Select(size => (long)size)]));
            storages.Add($"{i}", MemoryMarshal.AsBytes(tensor.Values.AsSpan()).ToArray());
        }
        File.WriteAllBytes(path, TorchWriter.Zip(root, storages));
    }
}
