using SkiaSharp;

namespace Dalle.ML.Training;

/// <summary>Writes sheets of samples as PNG, each image beside the one that it was made from, enlarged so that small ones can be seen.</summary>
internal static class SampleSheetFile
{
    private const int LeastSide = 128;
    private const int PairsPerRow = 4;
    private const int Gap = 8;

    /// <summary>Writes a sheet into <c>samples</c> of a folder.</summary>
    /// <returns>Its path.</returns>
    public static string Write(SampleSheet sheet, string folder)
    {
        var scale = Math.Max(1, LeastSide / sheet.ImageSize);
        var side = sheet.ImageSize * scale;
        var rows = (sheet.Images.Count + PairsPerRow - 1) / PairsPerRow;
        using var bitmap = new SKBitmap(Math.Max(1, Math.Min(PairsPerRow, sheet.Images.Count)) * (2 * side + Gap) + Gap, Math.Max(1, rows) * (side + Gap) + Gap);
        bitmap.Erase(SKColors.White);
        foreach (var (index, image) in sheet.Images.Index())
        {
            var (left, top) = (Gap + index % PairsPerRow * (2 * side + Gap), Gap + index / PairsPerRow * (side + Gap));
            Paint(bitmap, image.Original, sheet.ImageSize, scale, left, top);
            Paint(bitmap, image.Pixels, sheet.ImageSize, scale, left + side, top);
        }
        var path = Path.Combine(Directory.CreateDirectory(Path.Combine(folder, "samples")).FullName, FormattableString.Invariant($"{Name(sheet.Stage)}-{sheet.Step:D7}.png"));
        using var file = File.Create(path);
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        data.SaveTo(file);
        return path;
    }

    /// <summary>A stage in the names of files.</summary>
    private static string Name(TrainingStage stage) => stage switch
    {
        TrainingStage.DiscreteVae => "dvae",
        TrainingStage.Transformer => "transformer",
        _ => "clip",
    };

    private static void Paint(SKBitmap bitmap, byte[] pixels, int size, int scale, int left, int top)
    {
        for (var y = 0; y < size * scale; y++)
        {
            for (var x = 0; x < size * scale; x++)
            {
                var at = 3 * (y / scale * size + x / scale);
                bitmap.SetPixel(left + x, top + y, new SKColor(pixels[at], pixels[at + 1], pixels[at + 2]));
            }
        }
    }
}
