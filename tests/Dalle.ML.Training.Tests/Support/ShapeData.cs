using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Training.Tests;

/// <summary>Captioned shapes as a data view and as files.</summary>
internal static class ShapeData
{
    public static IDataView View(MLContext ml, int count) => ml.Data.LoadFromEnumerable(Rows(count));

    /// <summary>Writes images with text files of their captions.</summary>
    public static void Write(string folder, int count)
    {
        Directory.CreateDirectory(folder);
        foreach (var (index, row) in Rows(count).Index())
        {
            using var image = row.Image;
            image.Save(Path.Combine(folder, $"{index:D3}.png"));
            File.WriteAllText(Path.Combine(folder, $"{index:D3}.txt"), row.Caption);
        }
    }

    private static IEnumerable<Row> Rows(int count)
    {
        using var set = Shapes.Set(size: 32, count, validation: 0);
        for (var i = 0; i < count; i++)
        {
            var pixels = new byte[3 * 32 * 32];
            set.ReadImage(i, pixels);
            var bytes = new byte[4 * 32 * 32];
            for (var p = 0; p < 32 * 32; p++)
                (bytes[4 * p], bytes[4 * p + 1], bytes[4 * p + 2], bytes[4 * p + 3]) = (pixels[3 * p + 2], pixels[3 * p + 1], pixels[3 * p], 255);
            yield return new Row { Caption = set.Captions(i)[0], Image = MLImage.CreateFromPixels(32, 32, MLPixelFormat.Bgra32, bytes) };
        }
    }

    public sealed class Row
    {
        public string Caption { get; set; } = "";

        [MLImageType]
        public MLImage Image { get; set; } = null!;
    }
}
