using System.Buffers.Text;
using System.Security.Cryptography;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary>
/// Images of answers with <c>url</c>, in memory, under names that cannot be guessed: who has the name may see the image. The oldest make room for
/// new ones. Thread-safe.
/// </summary>
internal sealed class ImageStore(IOptions<DalleServerOptions> options, TimeProvider clock)
{
    /// <summary>Where the images are.</summary>
    public const string Route = "/v1/images/files";

    private const int NameBytes = 32;

    private readonly Lock _lock = new();
    private readonly LinkedList<Stored> _oldestFirst = [];
    private readonly Dictionary<string, Stored> _byName = new(StringComparer.Ordinal);
    private long _bytes;

    private sealed record Stored(string Name, byte[] Data, string MediaType, DateTimeOffset End);

    /// <summary>Keeps an image for a while.</summary>
    /// <returns>Its name.</returns>
    public string Add(byte[] data, EncodedFormat format)
    {
        var name = $"{Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(NameBytes))}.{format.Name}";
        var stored = new Stored(name, data, format.MediaType, clock.GetUtcNow() + options.Value.StoredImageLifetime);
        lock (_lock)
        {
            _oldestFirst.AddLast(stored);
            _byName.Add(name, stored);
            _bytes += data.Length;
            RemoveOld();
        }
        return name;
    }

    /// <summary>The image of a name; null if it does not exist, or not any more.</summary>
    public (byte[] Data, string MediaType)? Find(string name)
    {
        lock (_lock)
        {
            RemoveOld();
            return _byName.TryGetValue(name, out var stored) ? (stored.Data, stored.MediaType) : null;
        }
    }

    /// <summary>Removes what has ended, and the oldest beyond the bytes; the last one stays, so that every answer can be fetched.</summary>
    private void RemoveOld()
    {
        var now = clock.GetUtcNow();
        while (_oldestFirst.First?.Value is { } oldest && (oldest.End <= now || (_bytes > options.Value.MaxStoredBytes && _oldestFirst.Count > 1)))
        {
            _oldestFirst.RemoveFirst();
            _byName.Remove(oldest.Name);
            _bytes -= oldest.Data.Length;
        }
    }
}
