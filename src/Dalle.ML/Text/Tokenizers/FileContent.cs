using System.Text;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>Recognizes files whose content is not what their name promises, and text that begins with a byte order mark.</summary>
internal static class FileContent
{
    /// <summary>Text without the byte order mark of UTF-8, which editors and PowerShell put in front of it.</summary>
    public static ReadOnlySpan<byte> SkipByteOrderMark(ReadOnlySpan<byte> text) => text.StartsWith("\uFEFF"u8) ? text[3..] : text;

    /// <summary>Says what was downloaded in place of a file; null if nothing is known to be wrong.</summary>
    /// <param name="head">The first bytes of the file, at least 64 if it has as many.</param>
    public static string? DescribePlaceholder(ReadOnlySpan<byte> head)
    {
        if (head.IsEmpty)
            return "it is empty: the download failed or was interrupted";
        if (head.StartsWith("version https://git-lfs"u8))
            return "it is a Git LFS pointer, not the file itself: run 'git lfs pull', or download the file";
        var text = Encoding.Latin1.GetString(SkipByteOrderMark(head)).TrimStart();
        return text.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase)
            ? "it is an HTML page, not the file itself: the address asks for a login, or shows the file instead of sending it"
            : null;
    }
}
