using System.Numerics.Tensors;
using Dalle.ML.Images;
using Dalle.ML.Models;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Clip;

/// <summary>
/// CLIP (Radford et al. 2021): text and images as unit vectors of one space, whose scaled cosine says how well they fit. Thread-safe.
/// </summary>
internal sealed class ClipRanker(Bundle bundle, ClipGraphs graphs, DalleDevice device) : IDisposable
{
    private readonly PromptTokenizer _tokenizer = new(bundle, graphs.Text);
    private readonly Lazy<GraphSession> _text = new(() => new GraphSession(bundle.PathOf(graphs.TextEncoder), device));
    private readonly Lazy<GraphSession> _image = new(() => new GraphSession(bundle.PathOf(graphs.ImageEncoder), device));

    public float[] EmbedText(string text) => _text.Value.Run<long, float>(_tokenizer.Encode(text), 1, graphs.Text.Length);

    public float[] EmbedImage(PixelPlanes image)
    {
        var fitted = Resampler.Fit(image, graphs.ImageSize, graphs.ImageSize, graphs.Resample);
        return _image.Value.Run<float, float>(fitted.Values, 1, 3, graphs.ImageSize, graphs.ImageSize);
    }

    public float Score(ReadOnlySpan<float> text, ReadOnlySpan<float> image) => graphs.Scale * TensorPrimitives.Dot(text, image);

    public void Dispose()
    {
        foreach (var session in new[] { _text, _image }.Where(session => session.IsValueCreated))
            session.Value.Dispose();
    }
}
