using System.Globalization;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// A VQGAN as its authors publish it (CompVis/taming-transformers: VQModel and GumbelVQ), a codec without a transformer. The weights tell
/// everything but the size of the images.
/// </summary>
internal static class TamingVqganFamily
{
    private const string Name = "taming-vqgan";
    private const int DefaultSide = 256;

    private static readonly Dictionary<string, VqganConfig> Sizes = new()
    {
        ["f16-1024"] = VqganConfig.F16 with { CodebookSize = 1024 },
        ["f16-16384"] = VqganConfig.F16,
        ["gumbel-f8"] = VqganConfig.F8,
        ["tiny"] = VqganConfig.F16 with { Channels = [32, 32, 32, 32, 32], Stem = 32, CodebookSize = 256 },
    };

    public static ModelFamily Family { get; } = new(Name, "a folder with model.ckpt and config.yml, or these two files, the second if need be", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["resolution"] = $"Side of the images in pixels; by default that in the configuration (resolution), else {DefaultSide}.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var weights = source.OpenModel(0, "decoder.conv_in.weight", "model.ckpt", "model.safetensors", "last.ckpt", "checkpoints/last.ckpt");
        var config = source.Size is { } size ? Sizes[size] : VqganConfig.Infer(weights);
        var given = source.Setting("resolution") ?? Resolution(source);
        var side = given ?? DefaultSide;
        if (given is null)
            source.NoteAssumed("the side of the images in pixels", side, "resolution");
        if (side <= 0 || side % config.Encoded != 0)
            throw new ArgumentException($"The images have a side of {side} pixels; it must be a multiple of {config.Encoded}. Set 'resolution' to another.");

        var grid = side / config.Encoded;
        var graphs = new Vqgan(bundle, weights, config).Write(grid);
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = source.Size ?? Name,
            Family = Name,
            Precision = Precision.Fp32.Name(),
            Image = new ImageFormat { Width = side, Height = side, Rows = grid, Columns = grid, CodebookSize = config.CodebookSize, Resample = ResampleFilter.Lanczos },
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Files = [],
        };
    }

    /// <summary>The size of the images in the configuration; null where there is none.</summary>
    private static int? Resolution(ExportSource source) =>
        source.TryFind(1, "config.yml", "config.yaml", "model.yaml", "configs/model.yaml") is { } file
        && YamlSettings.Read(file).TryGetValue("model.params.ddconfig.resolution", out var text)
        && int.TryParse(text, CultureInfo.InvariantCulture, out var side) ? side : null;
}
