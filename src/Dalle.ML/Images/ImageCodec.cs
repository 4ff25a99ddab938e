using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Images;

/// <summary>The discrete VAE: images to tokens of its codebook and back. Thread-safe.</summary>
internal sealed class ImageCodec(Bundle bundle, DalleDevice device) : IDisposable
{
    private readonly ImageFormat _format = bundle.Manifest.Image;
    private readonly OnDemand<GraphSession> _encoder = new(() => Session(bundle, device, bundle.Manifest.ImageEncoder, "pixels", "tokens"));
    private readonly OnDemand<GraphSession> _decoder = new(() => Session(bundle, device, bundle.Manifest.ImageDecoder, "tokens", "pixels"));

    /// <summary>Brings an image to the size of those that are drawn.</summary>
    public PixelPlanes Fit(PixelPlanes image) => Resampler.Fit(image, _format.Width, _format.Height, _format.Resample);

    public int[] Encode(PixelPlanes image)
    {
        var (width, height) = _format.Encoded;
        var fitted = Resampler.Fit(image, width, height, _format.Resample);
        var tokens = _encoder.Value.Run<float, long>(fitted.Values, [1, 3, height, width], _format.Tokens);
        return Array.ConvertAll(tokens, token => token >= 0 && token < _format.Vocabulary
            ? (int)token
            : throw bundle.Error($"the graph '{bundle.Manifest.ImageEncoder}' gave the token {token}; the codebook has {_format.Vocabulary}."));
    }

    /// <summary>Draws one image: a batch of them takes as long on a CPU, and much more memory.</summary>
    public PixelPlanes Decode(ReadOnlySpan<int> tokens)
    {
        var ids = new long[tokens.Length];
        for (var i = 0; i < ids.Length; i++)
            ids[i] = tokens[i];
        return new PixelPlanes(_format.Width, _format.Height, _decoder.Value.Run<long, float>(ids, [1, ids.Length], 3 * _format.Height * _format.Width));
    }

    public void Dispose()
    {
        _encoder.Dispose();
        _decoder.Dispose();
    }

    private static GraphSession Session(Bundle bundle, DalleDevice device, string? file, string input, string output) => file is null
        ? throw new NotSupportedException($"The model '{bundle.Manifest.Name}' has no graph from {input} to {output}.")
        : new GraphSession(bundle, file, input, output, device);
}
