using System.Security.Cryptography;
using System.Text;

namespace Dalle.ML.Training.Data;

/// <summary>The images that a model learns from, of one size each, with their captions; some are kept apart to measure what was learnt.</summary>
internal sealed class TrainingSet : IDisposable
{
    private const int NotesOfUnreadable = 10;

    private readonly IReadOnlyList<IReadOnlyList<string>> _captions;
    private readonly PixelReader _read;
    private readonly IDisposable? _owned;

    /// <summary>A set held in memory.</summary>
    /// <param name="imageSize">Width and height of the images in pixels.</param>
    /// <param name="images">Bytes of each image: rows of red, green, blue; <c>3 · imageSize²</c> of them.</param>
    /// <param name="captions">The captions of each image; an image may have none.</param>
    /// <param name="validation">Indices of the images that are only measured, never learnt from.</param>
    public TrainingSet(int imageSize, IReadOnlyList<byte[]> images, IReadOnlyList<IReadOnlyList<string>> captions, IEnumerable<int> validation)
        : this(imageSize, (index, pixels) => images[index].CopyTo(pixels), captions, validation, HashOf(images), owned: null)
    {
    }

    private TrainingSet(
        int imageSize, PixelReader read, IReadOnlyList<IReadOnlyList<string>> captions, IEnumerable<int> validation, string hash, IDisposable? owned)
    {
        (ImageSize, _read, _captions, Hash, _owned) = (imageSize, read, captions, hash, owned);
        var kept = validation.ToHashSet();
        Validation = [.. Enumerable.Range(0, captions.Count).Where(kept.Contains)];
        Training = [.. Enumerable.Range(0, captions.Count).Where(i => !kept.Contains(i))];
    }

    private delegate void PixelReader(int index, Span<byte> pixels);

    /// <summary>Width and height of the images in pixels.</summary>
    public int ImageSize { get; }

    /// <summary>Indices of the images to learn from.</summary>
    public IReadOnlyList<int> Training { get; }

    /// <summary>Indices of the images that are only measured.</summary>
    public IReadOnlyList<int> Validation { get; }

    /// <summary>The same for the same images under the same indices.</summary>
    public string Hash { get; }

    /// <summary>The captions of an image; none where it has no caption.</summary>
    public IReadOnlyList<string> Captions(int index) => _captions[index];

    /// <summary>Reads an image as rows of red, green, blue bytes. Thread-safe.</summary>
    public void ReadImage(int index, Span<byte> pixels) => _read(index, pixels);

    /// <inheritdoc/>
    public void Dispose() => _owned?.Dispose();

    /// <summary>Reads a user's images. They are decoded into a file of the run's folder, unless they are there from an earlier run.</summary>
    /// <param name="source">The images.</param>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="options">How they are read.</param>
    /// <param name="note">Is told what is left out, and what looks like a mistake.</param>
    /// <param name="progress">Is told how many images are read.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="InvalidDataException">There are no images or no captions, or too many images are unreadable.</exception>
    public static TrainingSet Open(
        IImageSource source, string folder, TrainingSetOptions options, Action<string> note, Action<int>? progress = null, CancellationToken cancellationToken = default)
    {
        var store = ImageStore.Open(folder, source, options, note, progress ?? (_ => { }), cancellationToken);
        try
        {
            if (store.Count == 0)
                throw new InvalidDataException("There are no images to learn from: the data is empty.");
            foreach (var image in store.Unreadable.Take(NotesOfUnreadable))
                note($"Left out: {image}");
            if (store.Unreadable.Count > NotesOfUnreadable)
                note($"Left out: {store.Unreadable.Count - NotesOfUnreadable} more images that cannot be read.");
            if (store.Places.Count(place => place >= 0) - store.Count is > 0 and var equal)
                note($"{Counted.Of(equal, "image is", "images are")} equal to another once scaled: each is learnt once, with all of its captions.");

            var (names, captions) = Gather(source, store);
            CaptionRemarks.Tell(captions, options.NeedsCaptions, note);
            var validation = Split(names, options);
            return options.Flips ? Mirrored(store, captions, validation, options.ImageSize)
                : new TrainingSet(options.ImageSize, store.Read, Kept(captions), validation, store.Hash, store);
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    /// <summary>The name of each stored image, and its captions as they come.</summary>
    private static (string[] Names, List<string>[] Captions) Gather(IImageSource source, ImageStore store)
    {
        var names = new string[store.Count];
        var captions = new List<string>[store.Count];
        foreach (var ((name, texts), place) in source.ReadCaptions().Zip(store.Places).Where(image => image.Second >= 0))
        {
            names[place] ??= name;
            (captions[place] ??= []).AddRange(texts);
        }
        return captions.Contains(null!) ? throw new InvalidDataException("The data has fewer rows than when its images were read. Give data that stays the same.")
            : (names, captions);
    }

    private static IReadOnlyList<string>[] Kept(List<string>[] captions) =>
        [.. captions.Select(each => (IReadOnlyList<string>)[.. each.Select(caption => caption.Trim()).Where(caption => caption.Length > 0).Distinct()])];

    /// <summary>
    /// The images that are only measured. An image's name decides, not its number: images that are added later leave most where they are, so that
    /// a model trained further is not measured by what it has learnt.
    /// </summary>
    private static int[] Split(string[] names, TrainingSetOptions options)
    {
        var count = (int)Math.Round(options.ValidationFraction * names.Length);
        if (count == 0 && options.ValidationFraction > 0 && names.Length > 1)
            count = 1;
        return [.. names.Index()
            .OrderBy(name => Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant($"{options.Seed}/{name.Item}")))), StringComparer.Ordinal)
            .Take(Math.Min(count, names.Length - 1)).Select(name => name.Index)];
    }

    /// <summary>The set with each image to learn from a second time, mirrored, under the indices after all others.</summary>
    private static TrainingSet Mirrored(ImageStore store, List<string>[] captions, int[] validation, int imageSize)
    {
        var once = Kept(captions);
        int[] learnt = [.. Enumerable.Range(0, store.Count).Except(validation)];
        return new TrainingSet(imageSize, Read, [.. once, .. learnt.Select(index => once[index])], validation, store.Hash + "+mirrored/" + learnt.Length, store);

        void Read(int index, Span<byte> pixels)
        {
            store.Read(index < store.Count ? index : learnt[index - store.Count], pixels);
            if (index >= store.Count)
                SquarePixels.Mirror(pixels[..(3 * imageSize * imageSize)], imageSize);
        }
    }

    private static string HashOf(IReadOnlyList<byte[]> images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var image in images)
            hash.AppendData(image);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
