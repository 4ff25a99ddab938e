namespace Dalle.ML.Tests.Images;

/// <summary>The files that files/make.py wrote: one picture of six squares, as each kind of image file.</summary>
internal static class PictureFiles
{
    public const int Width = 48;
    public const int Height = 32;

    private const int Side = 16;

    private static readonly byte[][] Colors = [[255, 0, 0], [0, 160, 0], [0, 0, 255], [255, 255, 255], [0, 0, 0], [200, 100, 50]];
    private static readonly byte[] Alphas = [255, 128, 64, 255, 200, 0];

    // What Pillow makes of the colours (299 R + 587 G + 114 B).
    private static readonly byte[] Grays = [76, 94, 29, 255, 0, 124];

    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Images", "files", name);

    /// <summary>Blue, green, red and alpha of each pixel, the colours multiplied by the alpha.</summary>
    public static byte[] Pixels(bool isGray, bool hasAlpha) => [.. Enumerable.Range(0, Width * Height).SelectMany(i =>
    {
        var square = i / Width / Side * (Width / Side) + i % Width / Side;
        var alpha = hasAlpha ? Alphas[square] : byte.MaxValue;
        byte[] color = isGray ? [Grays[square], Grays[square], Grays[square]] : Colors[square];
        return new[] { Multiply(color[2], alpha), Multiply(color[1], alpha), Multiply(color[0], alpha), alpha };
    })];

    private static byte Multiply(byte color, byte alpha) => (byte)Math.Round(color * alpha / 255.0);
}
