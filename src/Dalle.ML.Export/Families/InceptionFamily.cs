using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Inception v3 as FID and Inception Score take it: the file of mseitzer/pytorch-fid, which torch-fidelity has too. Its bundle gives features and logits of
/// images; FIDs depend on the tool whose resizing is followed.
/// </summary>
internal static class InceptionFamily
{
    private const string Name = "inception";
    private const string PytorchFid = "pytorch-fid";
    private const string TorchFidelity = "torch-fidelity";
    private const string CleanFid = "clean-fid";

    /// <summary>By how much narrower than published the layers are.</summary>
    private static readonly Dictionary<string, int> Sizes = new() { ["published"] = 1, ["tiny"] = 16 };

    public static ModelFamily Family { get; } = new(Name, "the file pt_inception-2015-12-05-6726825d.pth", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["resize"] = $"The tool whose resizing and range of colours are followed: {PytorchFid}, {TorchFidelity} or {CleanFid}; {PytorchFid} by default.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        if (source.Precision != Precision.Fp32)
            throw new ArgumentException($"Features of images are computed as fp32 alone, not as {source.Precision.Name()}: a metric must not depend on the precision.");
        var resize = source.Choice("resize", PytorchFid, TorchFidelity, CleanFid) ?? PytorchFid;
        var weights = source.OpenModel(
            0, "Conv2d_1a_3x3.conv.weight", "pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth", "model.pth", "model.safetensors");
        var network = source.Size is { } size ? Inception.Random(weights, Sizes[size]) : Inception.Infer(weights);
        // pytorch-fid: 2x − 1 of 0..1. TensorFlow's graph: (x − 128) / 128 of 0..255.
        var graph = resize == PytorchFid ? network.Write(bundle, 2, -1) : network.Write(bundle, 255 / 128f, -1);
        return source.Describe(Name) with
        {
            Features = graph with
            {
                Resize = resize switch
                {
                    PytorchFid => FeatureResize.Bilinear,
                    TorchFidelity => FeatureResize.CornerBilinear,
                    _ => FeatureResize.AntialiasedBicubic,
                },
            },
        };
    }
}
