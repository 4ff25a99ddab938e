using System.Numerics.Tensors;

namespace Dalle.ML.Cli;

/// <summary>How many images a network tells as what their labels say: the share whose label has the largest logit.</summary>
internal sealed class LabelAccuracy
{
    private int _right;

    /// <summary>Number of images with a label.</summary>
    public int Count { get; private set; }

    /// <summary>The share; null without images.</summary>
    public double? Share => Count == 0 ? null : (double)_right / Count;

    /// <summary>Gives generated images the labels of the reference images of their prompts, where they have none of their own.</summary>
    /// <exception cref="InvalidDataException">Two reference images of one prompt have different labels.</exception>
    public static IReadOnlyList<ListedImage> Label(IReadOnlyList<ListedImage> generated, IReadOnlyList<ListedImage> reference)
    {
        var labels = new Dictionary<string, ListedImage>();
        foreach (var image in reference.Where(image => image is { Prompt: not null, Label: not null }))
        {
            if (!labels.TryAdd(image.Prompt!, image) && labels[image.Prompt!].Label != image.Label)
                throw new InvalidDataException($"'{labels[image.Prompt!].Path}' and '{image.Path}' have the same prompt and the labels {labels[image.Prompt!].Label} and {image.Label}.");
        }
        return labels.Count == 0 ? generated
            : [.. generated.Select(image => image is { Label: null, Prompt: { } prompt } && labels.TryGetValue(prompt, out var labelled) ? image with { Label = labelled.Label } : image)];
    }

    public void Add(int label, ReadOnlySpan<float> logits)
    {
        Count++;
        if (TensorPrimitives.IndexOfMax(logits) == label)
            _right++;
    }
}
