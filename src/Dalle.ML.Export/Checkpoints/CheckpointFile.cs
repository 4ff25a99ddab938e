using Microsoft.Win32.SafeHandles;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>A file that is read at any place, by any thread.</summary>
internal sealed class CheckpointFile(string path) : IDisposable
{
    private readonly SafeFileHandle _handle = File.OpenHandle(path);

    public string Path => path;

    public long Length => RandomAccess.GetLength(_handle);

    /// <exception cref="InvalidDataException">The file ends before the buffer is full.</exception>
    public void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            var count = RandomAccess.Read(_handle, buffer, offset);
            if (count == 0)
                throw new InvalidDataException($"'{path}' ends at byte {offset}, {buffer.Length} bytes too early.");
            offset += count;
            buffer = buffer[count..];
        }
    }

    /// <summary>A part of the file that is small enough to hold in memory.</summary>
    /// <exception cref="InvalidDataException">It is longer than <paramref name="limit"/>, or not within the file.</exception>
    public byte[] Read(string what, long offset, long length, int limit)
    {
        if (length > limit)
            throw new InvalidDataException($"{what} has {length} bytes; the limit is {limit}.");
        if (offset < 0 || length < 0 || offset > Length - length)
            throw new InvalidDataException($"{what} at byte {offset}, {length} bytes long, is outside the file of {Length} bytes.");
        var bytes = new byte[length];
        Read(offset, bytes);
        return bytes;
    }

    public void Dispose() => _handle.Dispose();
}
