using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>The classifier that judges the built-in model (onnx/training/classifier.py): features and logits of its world, where Inception's are of photographs.</summary>
internal static class DalleClassifierFamily
{
    private const string Name = "dalle-classifier";

    private static readonly Dictionary<string, CropClassifier> Sizes = new() { ["emoji-128"] = new(48, 443, Grid: 6), ["tiny"] = new(8, 10, Grid: 4) };

    public static ModelFamily Family { get; } = new(Name, "classifier.pt of onnx/training", Export) { Sizes = [.. Sizes.Keys] };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        if (source.Precision != Precision.Fp32)
            throw new ArgumentException($"Features of images are computed as fp32 alone, not as {source.Precision.Name()}: a metric must not depend on the precision.");
        var weights = source.OpenModel(0, "net.10.weight", "classifier.pt", "model.safetensors");
        var network = source.Size is { } size ? Sizes[size] : CropClassifier.Infer(weights);
        return source.Describe(Name) with { Features = network.Write(bundle, weights) };
    }
}
