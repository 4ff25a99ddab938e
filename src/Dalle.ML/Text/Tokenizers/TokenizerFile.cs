using System.IO.Compression;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>Reads a tokenizer file, plain or gzip, without a byte order mark, up to a limit far above real tokenizers.</summary>
internal static class TokenizerFile
{
    private const int MaxBytes = 32 << 20;

    /// <exception cref="InvalidDataException">The unpacked file is too large or a placeholder, or its compression is broken.</exception>
    public static byte[] ReadBytes(string path)
    {
        using var file = File.OpenRead(path);
        Span<byte> magic = stackalloc byte[2];
        var isCompressed = file.ReadAtLeast(magic, 2, throwOnEndOfStream: false) == 2 && magic is [0x1F, 0x8B];
        file.Position = 0;
        using Stream content = isCompressed ? new GZipStream(file, CompressionMode.Decompress) : file;

        var bytes = new MemoryStream();
        var buffer = new byte[1 << 16];
        for (int read; (read = content.Read(buffer)) > 0;)
        {
            if (bytes.Length + read > MaxBytes)
                throw new InvalidDataException($"'{Path.GetFileName(path)}' has more than {MaxBytes >> 20} MiB, too large for a tokenizer file");
            bytes.Write(buffer, 0, read);
        }
        var all = bytes.GetBuffer().AsSpan(0, (int)bytes.Length);
        if (!all.IsEmpty && FileContent.DescribePlaceholder(all[..Math.Min(all.Length, 256)]) is { } placeholder)
            throw new InvalidDataException($"'{Path.GetFileName(path)}' is not a tokenizer file: {placeholder}");
        return FileContent.SkipByteOrderMark(all).ToArray();
    }
}
