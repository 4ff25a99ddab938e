using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Dalle.ML.Training.Data;

/// <summary>Image files with their captions, as a folder or a list names them.</summary>
/// <param name="folder">The folder that none of the paths leaves.</param>
/// <param name="entries">Paths in the folder, each once, with the captions of the image.</param>
internal sealed class ImageFiles(string folder, IReadOnlyList<(string Path, IReadOnlyList<string> Captions)> entries) : IImageSource
{
    private readonly ImageReader _reader = new();

    public int? Count => entries.Count;

    /// <summary>Of names, sizes and times of change: reading all files each time would take as long as decoding them.</summary>
    public string Fingerprint
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            Span<byte> numbers = stackalloc byte[2 * sizeof(long)];
            foreach (var (path, _) in entries)
            {
                var file = new FileInfo(Path.Combine(folder, path));
                BinaryPrimitives.WriteInt64LittleEndian(numbers, file.Exists ? file.Length : -1);
                BinaryPrimitives.WriteInt64LittleEndian(numbers[sizeof(long)..], file.Exists ? file.LastWriteTimeUtc.Ticks : 0);
                hash.AppendData(Encoding.UTF8.GetBytes(path + '\0'));
                hash.AppendData(numbers);
            }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    public IEnumerable<(string Name, IReadOnlyList<string> Captions)> ReadCaptions() => entries;

    public IEnumerable<SourceImage> ReadImages(int imageSize) => entries.Select(entry => new SourceImage(entry.Path, () =>
    {
        using var image = _reader.Read(Path.Combine(folder, entry.Path));
        return SquarePixels.Of(image, imageSize);
    }));
}
