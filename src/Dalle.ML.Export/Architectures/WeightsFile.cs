using System.Security.Cryptography;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The data file of one graph or of several that share weights. Each weight begins on a page boundary, so that ONNX Runtime can map it, and
/// the same bytes are stored once.
/// </summary>
internal sealed class WeightsFile(string path) : IDisposable
{
    private const int PageSize = 4096;

    private readonly FileStream _file = File.Create(path);
    private readonly Dictionary<string, long> _offsets = [];

    /// <summary>Its name, without the folder.</summary>
    public string Name { get; } = Path.GetFileName(path);

    /// <summary>Stores bytes, unless they are there, and returns where they begin.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="hash">Names them.</param>
    public long Add(ReadOnlySpan<byte> bytes, out string hash)
    {
        hash = Convert.ToHexString(SHA256.HashData(bytes));
        if (_offsets.TryGetValue(hash, out var known))
            return known;
        _file.SetLength((_file.Length + PageSize - 1) / PageSize * PageSize);
        var offset = _file.Position = _file.Length;
        _file.Write(bytes);
        return _offsets[hash] = offset;
    }

    public void Dispose() => _file.Dispose();
}
