using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Images;

/// <summary>The discrete VAE: images to tokens of its codebook and back. Thread-safe.</summary>
internal sealed class ImageCodec(Bundle bundle, DalleDevice device) : IDisposable
{
    private readonly ImageFormat _format = bundle.Manifest.Image;
    private readonly Lazy<GraphSession> _encoder = Session(bundle, device, bundle.Manifest.ImageEncoder, "image encoder");
    private readonly Lazy<GraphSession> _decoder = Session(bundle, device, bundle.Manifest.ImageDecoder, "image decoder");

    public int[] Encode(PixelPlanes image)
    {
        var fitted = Resampler.Fit(image, _format.Width, _format.Height, _format.Resample);
        var tokens = _encoder.Value.Run<float, long>(fitted.Values, 1, 3, _format.Height, _format.Width);
        return Array.ConvertAll(tokens, token => (int)token);
    }

    /// <summary>Draws one image: a batch of them takes as long on a CPU, and much more memory.</summary>
    public PixelPlanes Decode(ReadOnlySpan<int> tokens)
    {
        var ids = new long[tokens.Length];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = tokens[i];
        return new PixelPlanes(_format.Width, _format.Height, _decoder.Value.Run<long, float>(ids, 1, ids.Length));
    }

    public void Dispose()
    {
        foreach (var session in new[] { _encoder, _decoder }.Where(session => session.IsValueCreated))
            session.Value.Dispose();
    }

    private static Lazy<GraphSession> Session(Bundle bundle, DalleDevice device, string? file, string role) => new(() =>
        new GraphSession(bundle.PathOf(file ?? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' has no {role}.")), device));
}
