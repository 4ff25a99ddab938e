using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;

namespace Dalle.ML.Training.Data;

/// <summary>
/// The images of a run, decoded once into one file of its folder. They are read from there and not mapped into memory: the system caches them
/// just as well, and what the process holds stays the same however many images there are.
/// </summary>
internal sealed class ImageStore : IDisposable
{
    private const string DataName = "images.rgb";
    private const string IndexName = "images.json";
    private const string NewExtension = ".new";
    private const int MostAtOnce = 8;

    private static readonly JsonSerializerOptions Json = new() { RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    private readonly SafeFileHandle _file;
    private readonly Index _index;
    private readonly int _imageBytes;

    private ImageStore(SafeFileHandle file, Index index) => (_file, _index, _imageBytes) = (file, index, 3 * index.ImageSize * index.ImageSize);

    /// <summary>The place of each image of the source among those that are stored; −1 if it could not be read. Equal images have one place.</summary>
    public IReadOnlyList<int> Places => _index.Places;

    /// <summary>Number of different images.</summary>
    public int Count => _index.Count;

    /// <summary>SHA-256 of all images.</summary>
    public string Hash => _index.Hash;

    /// <summary>Images that could not be read, with the reason.</summary>
    public IReadOnlyList<string> Unreadable => _index.Unreadable;

    /// <summary>Reads an image: rows of red, green, blue bytes. Thread-safe.</summary>
    public void Read(int place, Span<byte> pixels)
    {
        if (RandomAccess.Read(_file, pixels[.._imageBytes], (long)place * _imageBytes) != _imageBytes)
            throw new IOException($"'{DataName}' has become shorter while training reads it.");
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Opens what an earlier run decoded, if it is whole and the source has not changed since; else decodes the source.</summary>
    /// <param name="folder">The folder of the run.</param>
    /// <param name="source">The images.</param>
    /// <param name="options">Their size, and how many may be unreadable.</param>
    /// <param name="note">Is told when images that were decoded before are decoded again.</param>
    /// <param name="progress">Is told how many images are read.</param>
    /// <param name="cancellationToken">Stops; what is decoded so far is given up.</param>
    /// <exception cref="InvalidDataException">Too many images are unreadable.</exception>
    public static ImageStore Open(
        string folder, IImageSource source, TrainingSetOptions options, Action<string> note, Action<int> progress, CancellationToken cancellationToken)
    {
        var fingerprint = source.Fingerprint;
        var before = ReadIndex(folder);
        var isSame = before is not null && fingerprint is not null && before.Fingerprint == fingerprint && before.ImageSize == options.ImageSize;
        if (isSame && OpenData(folder, before!, cancellationToken) is { } store)
        {
            // The limit may be another than before.
            try
            {
                CheckReadable(before!.Unreadable, before.Places.Length, options);
                return store;
            }
            catch
            {
                store.Dispose();
                throw;
            }
        }
        var index = Decode(folder, source, fingerprint, options, progress, cancellationToken);
        if (isSame)
            note($"'{DataName}' in '{folder}' was incomplete or altered: the images were decoded again.");
        else if (before is not null && before.ImageSize != options.ImageSize)
            note($"The images were decoded again, to {options.ImageSize} pixels instead of {before.ImageSize}.");
        else if (before is not null && before.Hash != index.Hash)
            note("The images have changed since this run began: they were decoded again.");
        return OpenData(folder, index, cancellationToken) ?? throw new IOException($"'{Path.Combine(folder, DataName)}' was altered while it was written.");
    }

    private static Index Decode(
        string folder, IImageSource source, string? fingerprint, TrainingSetOptions options, Action<int> progress, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(folder);
        var (places, unreadable, known) = (new List<int>(), new List<string>(), new Dictionary<string, int>());
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var path = Path.Combine(folder, DataName);
        using (var data = new FileStream(path + NewExtension, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            foreach (var images in source.ReadImages(options.ImageSize).Chunk(Math.Min(Environment.ProcessorCount, MostAtOnce)))
            {
                var pixels = new byte[images.Length][];
                var failures = new string[images.Length];
                Parallel.For(0, images.Length, i => (pixels[i], failures[i]) = Read(images[i], cancellationToken));
                cancellationToken.ThrowIfCancellationRequested();
                for (var i = 0; i < images.Length; i++)
                {
                    if (pixels[i] is null)
                    {
                        unreadable.Add(failures[i]);
                        places.Add(-1);
                        // A folder of nothing but other files should not take an hour to say so.
                        if (source.Count is { } count)
                            CheckReadable(unreadable, count, options);
                    }
                    else if (known.TryAdd(Convert.ToHexString(SHA256.HashData(pixels[i])), known.Count))
                    {
                        data.Write(pixels[i]);
                        hash.AppendData(pixels[i]);
                        places.Add(known.Count - 1);
                    }
                    else
                    {
                        places.Add(known[Convert.ToHexString(SHA256.HashData(pixels[i]))]);
                    }
                }
                progress(places.Count);
            }
            CheckReadable(unreadable, places.Count, options);
            data.Flush(flushToDisk: true);
        }
        var index = new Index(options.ImageSize, known.Count, fingerprint, Convert.ToHexStringLower(hash.GetHashAndReset()), [.. places], [.. unreadable]);
        // The index last: without one of the same hash the data are not used.
        File.Move(path + NewExtension, path, overwrite: true);
        var indexPath = Path.Combine(folder, IndexName);
        File.WriteAllBytes(indexPath + NewExtension, JsonSerializer.SerializeToUtf8Bytes(index, Json));
        File.Move(indexPath + NewExtension, indexPath, overwrite: true);
        return index;
    }

    private static (byte[] Pixels, string Failure) Read(SourceImage image, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return (null!, "");
        try
        {
            return (image.Pixels(), null!);
        }
        catch (Exception exception) when (exception is not (OutOfMemoryException or OperationCanceledException))
        {
            return (null!, exception.Message.Contains(image.Name, StringComparison.Ordinal) ? exception.Message : $"{image.Name}: {exception.Message}");
        }
    }

    private static void CheckReadable(IReadOnlyList<string> unreadable, int count, TrainingSetOptions options)
    {
        if (unreadable.Count == 0 || (unreadable.Count <= options.MaxUnreadable * count && unreadable.Count < count))
            return;
        throw new InvalidDataException(FormattableString.Invariant(
            $"{unreadable.Count} of {count} images cannot be read so far, and at most {options.MaxUnreadable:P0} may be (--max-unreadable, MaxUnreadable). ")
            + $"The first: {string.Join(" | ", unreadable.Take(3))}");
    }

    private static Index? ReadIndex(string folder)
    {
        var path = Path.Combine(folder, IndexName);
        if (!File.Exists(path))
            return null;
        try
        {
            var index = JsonSerializer.Deserialize<Index>(File.ReadAllBytes(path), Json);
            return index is { ImageSize: > 0, Count: > 0 } && index.Places.All(place => place >= -1 && place < index.Count) ? index : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The stored images; null if they are not those of the index.</summary>
    private static ImageStore? OpenData(string folder, Index index, CancellationToken cancellationToken)
    {
        var path = Path.Combine(folder, DataName);
        if (!File.Exists(path) || new FileInfo(path).Length != 3L * index.ImageSize * index.ImageSize * index.Count)
            return null;
        using (var stream = File.OpenRead(path))
        {
            if (Convert.ToHexStringLower(SHA256.HashDataAsync(stream, cancellationToken).AsTask().GetAwaiter().GetResult()) != index.Hash)
                return null;
        }
        return new ImageStore(File.OpenHandle(path, options: FileOptions.RandomAccess), index);
    }

    private sealed record Index(int ImageSize, int Count, string? Fingerprint, string Hash, int[] Places, string[] Unreadable);
}
