namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>Recognises the image formats that this stand-in cannot read, so that the error can name them.</summary>
internal static class OtherFormats
{
    public static string Name(ReadOnlySpan<byte> start)
    {
        if (start.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xD8, 0xFF]))
            return "JPEG";
        if (start.StartsWith("GIF8"u8))
            return "GIF";
        if (start.StartsWith("BM"u8))
            return "BMP";
        if (start.StartsWith("RIFF"u8) && start.Length >= 12 && start[8..12].SequenceEqual("WEBP"u8))
            return "WebP";
        if (start.StartsWith("II*\0"u8) || start.StartsWith("MM\0*"u8))
            return "TIFF";
        if (start.Length >= 12 && start[4..8].SequenceEqual("ftyp"u8))
            return start[8..12].StartsWith("avi"u8) ? "AVIF" : "HEIF";
        return null;
    }
}
