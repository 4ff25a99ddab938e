using Dalle.ML.Training.Data;
using Microsoft.ML.Data;

namespace Dalle.ML.Training.Tests;

/// <summary>Captioned shapes: "a red circle", in a place and a size of their own on a light or dark ground.</summary>
internal static class Shapes
{
    public static readonly (string Name, byte[] Color)[] Colors =
        [("red", [220, 30, 30]), ("green", [30, 170, 50]), ("blue", [40, 60, 220]), ("yellow", [240, 210, 40])];

    public static readonly string[] Kinds = ["circle", "square", "triangle"];

    /// <summary>Whether a pixel belongs to a shape about (0, 0) of radius 1.</summary>
    public static bool Contains(string kind, double x, double y) => kind switch
    {
        "circle" => x * x + y * y <= 1,
        "square" => Math.Max(Math.Abs(x), Math.Abs(y)) <= 0.85,
        _ => y <= 0.8 && y >= -1 + 1.8 * Math.Abs(x),
    };

    public static TrainingSet Set(int size, int count, int validation, int seed = 1)
    {
        var random = new Random(seed);
        var (images, captions) = (new List<byte[]>(), new List<IReadOnlyList<string>>());
        for (var i = 0; i < count; i++)
        {
            var (color, kind) = (Colors[random.Next(Colors.Length)], Kinds[random.Next(Kinds.Length)]);
            images.Add(Draw(size, color.Color, kind, random));
            captions.Add([$"a {color.Name} {kind}"]);
        }
        return new TrainingSet(size, images, captions, Enumerable.Range(0, validation));
    }

    /// <summary>An image of a set for a model.</summary>
    public static MLImage ToImage(TrainingSet set, int index)
    {
        var size = set.ImageSize;
        var (pixels, bgra) = (new byte[3 * size * size], new byte[4 * size * size]);
        set.ReadImage(index, pixels);
        for (var i = 0; i < size * size; i++)
            (bgra[4 * i], bgra[4 * i + 1], bgra[4 * i + 2], bgra[4 * i + 3]) = (pixels[3 * i + 2], pixels[3 * i + 1], pixels[3 * i], 255);
        return MLImage.CreateFromPixels(size, size, MLPixelFormat.Bgra32, bgra);
    }

    /// <summary>
    /// Colour and shape of an image by its pixels alone: what differs from the corners, and the outline that covers it best.
    /// </summary>
    public static string Describe(int size, byte[] pixels)
    {
        var ground = Enumerable.Range(0, 3).Select(c => Corners(size).Average(corner => (double)pixels[3 * corner + c])).ToArray();
        int[] inside = [.. Enumerable.Range(0, size * size).Where(i => Distance(pixels.AsSpan(3 * i, 3), ground) > 90)];
        if (inside.Length == 0)
            return "nothing";
        var mean = Enumerable.Range(0, 3).Select(c => inside.Average(i => (double)pixels[3 * i + c])).ToArray();
        var color = Colors.MinBy(color => Distance(color.Color, mean)).Name;
        var mask = inside.ToHashSet();
        var (x0, y0) = ((inside.Min(i => i % size) + inside.Max(i => i % size) + 1) / 2.0, (inside.Min(i => i / size) + inside.Max(i => i / size) + 1) / 2.0);
        var kind = Kinds.MaxBy(kind => Enumerable.Range(size / 8, size / 2).SelectMany(radius => new[] { -0.1, 0, 0.1 }.Select(shift => Overlap(kind, radius, shift))).Max());
        return $"{color} {kind}";

        double Overlap(string kind, double radius, double shift)
        {
            var (both, either) = (0, 0);
            for (var i = 0; i < size * size; i++)
            {
                var (isIn, isMask) = (Contains(kind, (i % size + 0.5 - x0) / radius, (i / size + 0.5 - y0) / radius + shift), mask.Contains(i));
                both += isIn && isMask ? 1 : 0;
                either += isIn || isMask ? 1 : 0;
            }
            return (double)both / either;
        }
    }

    private static int[] Corners(int size) => [0, size - 1, size * (size - 1), size * size - 1];

    private static double Distance(ReadOnlySpan<byte> color, double[] other) =>
        Math.Sqrt(Math.Pow(color[0] - other[0], 2) + Math.Pow(color[1] - other[1], 2) + Math.Pow(color[2] - other[2], 2));

    private static byte[] Draw(int size, byte[] color, string kind, Random random)
    {
        var radius = size * (0.28 + 0.1 * random.NextDouble());
        var (x0, y0) = (size * (0.45 + 0.1 * random.NextDouble()), size * (0.45 + 0.1 * random.NextDouble()));
        var ground = (byte)(random.Next(2) == 0 ? 245 : 20);
        var pixels = new byte[3 * size * size];
        for (var y = 0; y < size; y++)
        {
            for (var x = 0; x < size; x++)
            {
                var isInside = Contains(kind, (x + 0.5 - x0) / radius, (y + 0.5 - y0) / radius);
                for (var c = 0; c < 3; c++)
                    pixels[3 * (y * size + x) + c] = isInside ? color[c] : ground;
            }
        }
        return pixels;
    }
}
