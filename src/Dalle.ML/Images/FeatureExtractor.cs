using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Images;

/// <summary>The network that judges images: their features and logits of classes. Thread-safe.</summary>
internal sealed class FeatureExtractor(Bundle bundle, FeatureGraph graph, DalleDevice device) : IDisposable
{
    private readonly RetryableLazy<NetworkSession> _session = new(() => new NetworkSession(bundle, graph.File, device));

    public (float[] Features, float[] Logits) Extract(ImageTensor image)
    {
        using var tensors = new NamedTensors();
        tensors.Add("pixels", Resize(image, graph.ImageSize, graph.Resize).Values, 1, 3, graph.ImageSize, graph.ImageSize);
        _session.Value.Run(tensors);
        return (tensors.Values<float>("features"), tensors.Values<float>("logits"));
    }

    /// <summary>An image in 0..1 as a square of a size, as one of the public tools makes it.</summary>
    public static ImageTensor Resize(ImageTensor image, int size, FeatureResize resize)
    {
        if (resize != FeatureResize.AntialiasedBicubic)
            return FloatResampler.Interpolate(image, size, size, fromCorners: resize == FeatureResize.CornerBilinear);
        var resized = FloatResampler.Squash(image, size, size);
        return new ImageTensor(size, size, Array.ConvertAll(resized.Values, value => Math.Clamp(value, 0, 1)));
    }

    public void Dispose() => _session.Dispose();
}
