namespace Dalle.ML.Training.Data;

/// <summary>The images that a model learns from, of one size each, with their captions; some are kept apart to measure what was learnt.</summary>
internal sealed class TrainingSet : IDisposable
{
    private readonly IReadOnlyList<byte[]> images;
    private readonly IReadOnlyList<IReadOnlyList<string>> captions;

    /// <summary>A set held in memory.</summary>
    /// <param name="imageSize">Width and height of the images in pixels.</param>
    /// <param name="images">Bytes of each image: rows of red, green, blue; <c>3 · imageSize²</c> of them.</param>
    /// <param name="captions">The captions of each image; an image may have none.</param>
    /// <param name="validation">Indices of the images that are only measured, never learnt from.</param>
    public TrainingSet(int imageSize, IReadOnlyList<byte[]> images, IReadOnlyList<IReadOnlyList<string>> captions, IEnumerable<int> validation)
    {
        ImageSize = imageSize;
        this.images = images;
        this.captions = captions;
        var kept = validation.ToHashSet();
        Validation = [.. Enumerable.Range(0, images.Count).Where(kept.Contains)];
        Training = [.. Enumerable.Range(0, images.Count).Where(i => !kept.Contains(i))];
    }

    /// <summary>Width and height of the images in pixels.</summary>
    public int ImageSize { get; }

    /// <summary>Indices of the images to learn from.</summary>
    public IReadOnlyList<int> Training { get; }

    /// <summary>Indices of the images that are only measured.</summary>
    public IReadOnlyList<int> Validation { get; }

    /// <summary>The captions of an image; none where it has no caption.</summary>
    public IReadOnlyList<string> Captions(int index) => captions[index];

    /// <summary>Reads an image as rows of red, green, blue bytes.</summary>
    public void ReadImage(int index, Span<byte> pixels) => images[index].CopyTo(pixels);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
