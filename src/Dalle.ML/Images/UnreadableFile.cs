using System.Text;

namespace Dalle.ML.Images;

/// <summary>Describes a file that is not an image that can be read, by its first bytes.</summary>
internal static class UnreadableFile
{
    private const int Head = 512;
    private const string Readable = "JPEG, PNG, WebP, BMP and GIF are read";

    // Offset of a signature, the signature, and the name of the format.
    private static readonly (int Offset, byte[] Signature, string Name)[] Known =
    [
        (0, [0xFF, 0xD8, 0xFF], "JPEG"),
        (0, [0x89, .. "PNG"u8], "PNG"),
        (8, [.. "WEBP"u8], "WebP"),
        (0, [.. "BM"u8], "BMP"),
        (0, [.. "GIF8"u8], "GIF"),
    ];

    private static readonly (int Offset, byte[] Signature, string Name)[] Others =
    [
        (4, [.. "ftypavif"u8], "an AVIF image"),
        (4, [.. "ftyphei"u8], "a HEIC image"),
        (4, [.. "ftypmif1"u8], "a HEIC image"),
        (4, [.. "ftyp"u8], "a video"),
        (0, [.. "II*\0"u8], "a TIFF image"),
        (0, [.. "MM\0*"u8], "a TIFF image"),
        (0, [0, 0, 1, 0], "an icon"),
        (0, [.. "8BPS"u8], "a Photoshop image"),
        (0, [0xFF, 0x0A], "a JPEG XL image"),
        (0, [0, 0, 0, 12, .. "JXL "u8], "a JPEG XL image"),
        (0, [0, 0, 0, 12, .. "jP  "u8], "a JPEG 2000 image"),
        (0, [.. "%PDF"u8], "a PDF document"),
        (0, [.. "PK\x03\x04"u8], "a zip archive"),
    ];

    /// <summary>The rest of a message that begins with the file's name, such as "is a HEIC image, which cannot be read: …".</summary>
    public static string Describe(ReadOnlySpan<byte> file)
    {
        var head = file[..Math.Min(file.Length, Head)];
        if (NameOf(head, Known) is { } format)
            return $"is a {format} file whose header is damaged or truncated. Copy or download it again.";
        if (NameOf(head, Others) is { } other)
            return $"is {other}, which cannot be read: {Readable}. Convert it to one of them.";
        var text = Encoding.UTF8.GetString(head).TrimStart('\uFEFF', ' ', '\t', '\r', '\n');
        if (text.StartsWith("version https://git-lfs", StringComparison.Ordinal))
            return "is not an image but a Git LFS pointer to one. Run 'git lfs pull' to fetch it.";
        if (text.StartsWith("<!doctype html", StringComparison.OrdinalIgnoreCase) || text.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
            return "is not an image but an HTML page. Download the image itself, not the page that shows it.";
        if (text.StartsWith("<svg", StringComparison.Ordinal) || text.StartsWith("<?xml", StringComparison.Ordinal))
            return $"is an XML or SVG file, which cannot be read: {Readable}. Convert it to one of them.";
        // The head may end within a character.
        return text.TrimEnd('\uFFFD').All(character => character != '\uFFFD' && (!char.IsControl(character) || char.IsWhiteSpace(character)))
            ? "is not an image but text."
            : $"is not an image that can be read: {Readable}.";
    }

    /// <summary>Whether a file begins as a picture that can be read.</summary>
    public static bool IsPicture(ReadOnlySpan<byte> file) => NameOf(file[..Math.Min(file.Length, Head)], Known) is not null;

    private static string? NameOf(ReadOnlySpan<byte> head, (int Offset, byte[] Signature, string Name)[] signatures)
    {
        foreach (var (offset, signature, name) in signatures)
        {
            if (head.Length >= offset && head[offset..].StartsWith(signature))
                return name;
        }
        return null;
    }
}
