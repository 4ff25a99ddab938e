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
    private readonly RetryableLazy<GraphSession> _text = new(() => new GraphSession(bundle, graphs.TextEncoder, "ids", graphs.Templates is null ? "embedding" : "features", device));
    private readonly RetryableLazy<GraphSession> _image = new(() => new GraphSession(bundle, graphs.ImageEncoder, "pixels", "embedding", device));

    /// <summary>Creates the sessions now.</summary>
    /// <exception cref="DalleBundleException">A graph cannot be used.</exception>
    public void Prepare() => _ = (_text.Value, _image.Value);

    /// <summary>The embedding of a text: where the bundle has templates, of the mean of the phrases that they make of it.</summary>
    public float[] EmbedText(string text) => graphs.Templates is null
        ? EmbedPlainText(text)
        : EmbedMean([.. graphs.Templates.Select(template => template.Replace(ClipGraphs.Placeholder, text.Trim(), StringComparison.Ordinal))]);

    /// <summary>The embedding of a text as it is.</summary>
    public float[] EmbedPlainText(string text) => graphs.Templates is null ? Encode(text) : EmbedMean([text]);

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

    /// <summary>The mean of features, of which none is a unit vector yet, as a unit vector (ai-forever/ru-clip, its predictor).</summary>
    private float[] EmbedMean(string[] texts)
    {
        var sum = new float[graphs.EmbeddingDimension];
        foreach (var text in texts)
            TensorPrimitives.Add(sum, Encode(text), sum);
        TensorPrimitives.Divide(sum, TensorPrimitives.Norm<float>(sum), sum);
        return sum;
    }

    private float[] Encode(string text)
    {
        var output = new float[graphs.EmbeddingDimension];
        _text.Value.Run<long, float>(_tokenizer.Encode(text), [1, graphs.Text.Total], output);
        return output;
    }

    public float Score(ReadOnlySpan<float> text, ReadOnlySpan<float> image) => graphs.Scale * TensorPrimitives.Dot(text, image);

    public void Dispose()
    {
        _text.Dispose();
        _image.Dispose();
    }
}
