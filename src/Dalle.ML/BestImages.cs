using System.Collections;

namespace Dalle.ML;

/// <summary>
/// The best of many images, best first, by CLIP score or perplexity: the re-ranking of DALL·E (Ramesh et al. 2021), which keeps a few of 512 candidates.
/// </summary>
/// <remarks>
/// The list owns the images added to it: an image that is not among the best is disposed at once, the others with the list. Of equals the
/// lower candidate is better, so that candidates of one request can be added in any order and from several runs. Not thread-safe.
/// </remarks>
/// <example>
/// <code>
/// using var best = new BestImages(count: 4);
/// foreach (var candidate in model.GenerateCandidates(new GenerationRequest("a red apple", Seed: 7), new() { Candidates = 512 }))
///     best.Add(candidate);
/// best[0].Image.Save("apple.png");
/// </code>
/// </example>
public sealed class BestImages : IReadOnlyList<GeneratedImage>, IDisposable
{
    private readonly int _most;
    private readonly CandidateOrder _order;
    private readonly List<GeneratedImage> _images = [];

    /// <summary>Creates a list without images.</summary>
    /// <param name="count">Number of images to keep, 1 or more.</param>
    /// <param name="rankBy">Which image is better; the images have been generated with the same <see cref="GenerationOptions.RankBy"/>.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is less than 1.</exception>
    public BestImages(int count, RankBy rankBy = RankBy.Clip)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        (_most, _order) = (count, new CandidateOrder(rankBy));
    }

    /// <summary>Number of images kept so far.</summary>
    public int Count => _images.Count;

    /// <summary>An image by its rank, from 0.</summary>
    public GeneratedImage this[int index] => _images[index];

    /// <summary>Keeps an image if it is among the best, in place of the worst of them, and disposes it if not. Not-a-number ranks last.</summary>
    /// <param name="image">The image.</param>
    public void Add(GeneratedImage image)
    {
        ArgumentNullException.ThrowIfNull(image);
        var rank = _images.FindIndex(other => IsBetter(image, other));
        _images.Insert(rank < 0 ? _images.Count : rank, image);
        if (_images.Count <= _most)
            return;
        _images[_most].Dispose();
        _images.RemoveAt(_most);
    }

    /// <summary>Returns the images to the caller, who disposes them, and empties the list.</summary>
    public IReadOnlyList<GeneratedImage> TakeAll()
    {
        GeneratedImage[] images = [.. _images];
        _images.Clear();
        return images;
    }

    /// <inheritdoc/>
    public IEnumerator<GeneratedImage> GetEnumerator() => _images.GetEnumerator();

    /// <inheritdoc/>
    public void Dispose() => _images.ForEach(image => image.Dispose());

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private bool IsBetter(GeneratedImage image, GeneratedImage other) =>
        _order.Compare((image.Score, image.Perplexity), (other.Score, other.Perplexity)) is var order
        && (order < 0 || (order == 0 && image.Candidate < other.Candidate));
}
