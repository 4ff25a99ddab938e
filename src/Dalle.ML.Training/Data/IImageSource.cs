namespace Dalle.ML.Training.Data;

/// <summary>Where a user's captioned images come from.</summary>
internal interface IImageSource
{
    /// <summary>Number of images; null if only reading them tells.</summary>
    int? Count { get; }

    /// <summary>Changes whenever an image may have; null if only reading them tells.</summary>
    string? Fingerprint { get; }

    /// <summary>The images, in the same order each time. An image's pixels may be read later and on any thread.</summary>
    /// <param name="imageSize">Width and height to bring them to.</param>
    IEnumerable<SourceImage> ReadImages(int imageSize);

    /// <summary>The names and captions of the images, in the same order, without the images; empty captions too.</summary>
    IEnumerable<(string Name, IReadOnlyList<string> Captions)> ReadCaptions();
}
