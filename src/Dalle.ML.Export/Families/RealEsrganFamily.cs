using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Real-ESRGAN (Wang et al. 2021), which enlarges images: the files of xinntao/Real-ESRGAN, and those of ai-forever/Real-ESRGAN that ru-dALLE uses. The
/// two loaders read the same layouts in different ways.
/// </summary>
internal static class RealEsrganFamily
{
    private const string Name = "real-esrgan";
    private const string Xinntao = "xinntao";
    private const string RuDalle = "ru-dalle";
    private const string AverageWeights = "params_ema.";
    private const string LastWeights = "params.";

    // ru-dALLE's tiles, which keep a large image within a gigabyte.
    private const int TileSize = 192;
    private const int Overlap = 24;
    private const int RuDalleMirror = 15;

    private static readonly Dictionary<string, Rrdb> Sizes = new()
    {
        ["x2"] = new() { Unshuffle = 2 },
        ["x4"] = new(),
        ["x8"] = new() { Doublings = 3 },
        ["x4-anime-6b"] = new() { Blocks = 6 },
        ["tiny"] = new() { Features = 8, Blocks = 2, Growth = 4 },
    };

    public static ModelFamily Family { get; } = new(Name, "a file such as RealESRGAN_x4plus.pth; two of SRVGGNetCompact to mix them", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["loader"] = $"Whose code is followed where the two differ, {Xinntao} or {RuDalle}: weights under 'params_ema' or 'params', edges, rounding; {RuDalle} for x8, which only it knows, else {Xinntao}.",
            ["tile"] = $"Side of a tile in pixels; 0 takes the whole image at once; {TileSize} by default.",
            ["overlap"] = $"Pixels on each side of a tile that the network sees in addition; {Overlap} by default.",
            ["mirror"] = $"Pixels by which an image is mirrored beyond its edges; {RuDalleMirror} for {RuDalle}, 0 for {Xinntao} by default.",
            ["denoise"] = "Strength of denoising where two files are given, in percent: the part of the first; 50 by default.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        if (source.Precision is not (Precision.Fp32 or Precision.Fp16))
            throw new ArgumentException($"An upscaler is made of convolutions, which are not quantized; choose the precision fp32 or fp16 instead of {source.Precision.Name()}.");
        if (source.Setting("denoise") is not null && source.TryFind(1) is null)
            throw new ArgumentException("The setting denoise is given, but one file: it mixes two of SRVGGNetCompact, as realesr-general-x4v3.pth and realesr-general-wdn-x4v3.pth.");
        var file = source.Open(0, "RealESRGAN_x4plus.pth", "model.pth", "model.safetensors");
        var loader = source.Choice("loader", Xinntao, RuDalle)
            ?? (source.Size is null && file.Names.Any(name => name.EndsWith("conv_up3.weight", StringComparison.Ordinal)) ? RuDalle : Xinntao);
        var (hasAverage, hasLast) = (Has(AverageWeights), Has(LastWeights));
        var weights = loader == Xinntao && hasAverage ? file.Subtree(AverageWeights) : file;
        if (hasAverage && hasLast)
            source.Note($"the file holds two networks, 'params_ema' and 'params': as {loader} does, '{(loader == Xinntao ? "params_ema" : "params")}' is exported. Set 'loader' for the other.");
        var graph = source.Size is { } size ? Write(Sizes[size], weights)
            : weights.TryFindSubtree("conv_first.weight") is { } rrdb ? Write(Rrdb.Infer(rrdb), rrdb)
            : WriteCompact(weights.FindSubtree("body.0.weight"));
        return source.Describe(Name) with { Upscaler = graph };

        bool Has(string prefix) => file.Names.Any(name => name.StartsWith(prefix, StringComparison.Ordinal));

        UpscalerGraph Write(Rrdb network, Checkpoint rrdb) => source.TryFind(1) is { } second
            ? throw new ArgumentException($"'{second}' is a second file; two are mixed only where both are of SRVGGNetCompact, as realesr-general-x4v3.pth. Give one.")
            : Describe(network.Write(bundle, rrdb, source.Precision), network.Factor, network.Unshuffle);

        UpscalerGraph WriteCompact(Checkpoint first)
        {
            var network = CompactUpscaler.Infer(first);
            var second = source.TryOpen(1)?.FindSubtree("body.0.weight");
            var strength = second is null ? 1 : Setting("denoise", 50, 100) / 100.0;
            return Describe(network.Write(bundle, (name, shape) => Mix(first.Read(name, shape), second?.Read(name, shape), strength), source.Precision), network.Factor,
                loader == Xinntao ? XinntaoMultiple(network.Factor) : 1);
        }

        UpscalerGraph Describe(string name, int factor, int multiple) => new()
        {
            File = name,
            Factor = factor,
            Multiple = multiple,
            Edges = loader == Xinntao ? TileEdges.Clipped : TileEdges.Repeated,
            TileSize = Setting("tile", TileSize, ManifestValidator.MaxTileSide),
            Overlap = Setting("overlap", Overlap, ManifestValidator.MaxTileSide),
            Mirror = Setting("mirror", loader == Xinntao ? 0 : RuDalleMirror, ManifestValidator.MaxTileSide),
            Truncates = loader == RuDalle,
        };

        int Setting(string name, int otherwise, int most) => source.Setting(name) is not { } value ? otherwise
            : value >= 0 && value <= most ? value
            : throw new ArgumentException($"The setting {name} is {value}; it must lie between 0 and {most}.");
    }

    /// <summary>xinntao's code mirrors an image up to these sides by the factor alone, although only RRDBNet needs them: what is at the edges counts.</summary>
    private static int XinntaoMultiple(int factor) => factor switch { 1 => 4, 2 => 2, _ => 1 };

    /// <summary>The weights between two networks, by which xinntao sets the strength of denoising (deep network interpolation, Wang et al. 2019).</summary>
    private static Tensor Mix(Tensor first, Tensor? second, double part)
    {
        if (second is null)
            return first;
        var (a, b) = ((float)part, (float)(1 - part));
        return new Tensor([.. first.Values.Zip(second.Values, (x, y) => a * x + b * y)], isFloat16: false, first.Shape);
    }
}
