using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>Images as PNG files, the only way in which ML.NET hands out their bytes.</summary>
internal static class PngFile
{
    // The last chunk of every PNG file: a picture that an encoder gave up on, say on a full disk, ends otherwise.
    private static readonly byte[] End = [0, 0, 0, 0, (byte)'I', (byte)'E', (byte)'N', (byte)'D', 0xAE, 0x42, 0x60, 0x82];

    /// <summary>Writes an image.</summary>
    /// <param name="image">The image.</param>
    /// <param name="path">The file, which ends in .png.</param>
    /// <param name="target">What errors call it: the name that a temporary file is to get.</param>
    /// <returns>The file's bytes.</returns>
    /// <exception cref="IOException">It cannot be written, or not whole.</exception>
    public static byte[] Write(MLImage image, string path, string target)
    {
        byte[] bytes;
        try
        {
            image.Save(path);
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception exception)
        {
            // Encoders tell of a file that cannot be written in ways of their own.
            throw new IOException($"'{target}' cannot be written: {exception.Message}", exception);
        }
        return bytes.AsSpan().EndsWith(End) ? bytes : throw new IOException($"'{target}' cannot be written whole. Is the disk full?");
    }
}
