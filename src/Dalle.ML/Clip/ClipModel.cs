using System.Numerics.Tensors;
using Dalle.ML.Bundles;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;
using Microsoft.ML.Data;

namespace Dalle.ML.Clip;

/// <summary>
/// CLIP (Radford et al. 2021): texts and images as unit vectors in one space, whose scaled cosine measures how well they fit. Thread-safe.
/// </summary>
internal sealed class ClipModel(Bundle bundle, ClipGraphs graphs, DalleDevice device) : IDisposable
{
    private readonly PromptTokenizer _tokenizer = new(bundle, graphs.Text);
    private readonly RetryableLazy<GraphSession> _text = new(() => new GraphSession(bundle, graphs.TextEncoder, "ids", "embedding", device));
    private readonly RetryableLazy<GraphSession> _image = new(() => new GraphSession(bundle, graphs.ImageEncoder, "pixels", "embedding", device));

    public float[] EmbedText(string text)
    {
        var embedding = new float[graphs.EmbeddingDimension];
        _text.Value.Run<long, float>(_tokenizer.Encode(text), [1, graphs.Text.Total], embedding);
        return embedding;
    }

    public float[] EmbedImage(MLImage image) => EmbedImage(graphs.Transparency switch
    {
        Transparency.White => ImageTensor.From(image),
        Transparency.Dropped => ImageTensor.WithOpacity(image),
        _ => ImageTensor.WithOpacity(image).WithoutOpacity(),
    });

    public float[] EmbedImage(ImageTensor image)
    {
        var fitted = Resampler.Fit(image, graphs.ImageSize, graphs.Fit, graphs.Resample).WithoutOpacity();
        var embedding = new float[graphs.EmbeddingDimension];
        _image.Value.Run<float, float>(fitted.Values, [1, 3, graphs.ImageSize, graphs.ImageSize], embedding);
        return embedding;
    }

    public float Score(ReadOnlySpan<float> text, ReadOnlySpan<float> image) => graphs.Scale * TensorPrimitives.Dot(text, image);

    public void Dispose()
    {
        _text.Dispose();
        _image.Dispose();
    }
}
