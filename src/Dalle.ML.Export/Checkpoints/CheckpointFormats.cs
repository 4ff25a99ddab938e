using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>The formats of checkpoints and how each begins.</summary>
internal static class CheckpointFormats
{
    /// <param name="path">A file.</param>
    /// <param name="isShard">Whether an index named the file, which then must not be an index itself.</param>
    /// <exception cref="InvalidDataException">It is of no known format, or not well-formed.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static StoredCheckpoint Open(string path, bool isShard = false)
    {
        if (Directory.Exists(path))
            throw new InvalidDataException($"'{path}' is a folder; a file of a checkpoint is needed.");
        var file = new CheckpointFile(path);
        try
        {
            return Read(file, isShard);
        }
        catch (Exception exception)
        {
            file.Dispose();
            if (exception is InvalidDataException)
                throw new InvalidDataException($"'{path}' cannot be read as a checkpoint: {exception.Message}", exception);
            throw;
        }
    }

    private static StoredCheckpoint Read(CheckpointFile file, bool isShard)
    {
        Span<byte> head = stackalloc byte[64];
        head = head[..(int)Math.Min(file.Length, head.Length)];
        file.Read(0, head);
        if (FileContent.DescribePlaceholder(head) is { } placeholder)
            throw new InvalidDataException(placeholder + ".");
        head = FileContent.SkipByteOrderMark(head) is [(byte)'{', ..] && head[0] != '{' ? head[3..] : head;
        return head switch
        {
            [_, _, _, _, _, _, 0, 0, (byte)'{', ..] => SafetensorsFile.Read(file),
            [(byte)'{', ..] when !isShard => ShardIndex.Read(file),
            [(byte)'P', (byte)'K', ..] => TorchZip.Read(file),
            [0x80, >= 2 and <= 5, ..] => TorchLegacy.Read(file),
            [>= 0x81 and <= 0x8f or 0xde or 0xdf, ..] => FlaxMsgPack.Read(file),
            _ => throw new InvalidDataException("its first bytes match none of the known formats: PyTorch (zip or older), TorchScript, "
                + "safetensors, an index of several files, flax msgpack."),
        };
    }
}
