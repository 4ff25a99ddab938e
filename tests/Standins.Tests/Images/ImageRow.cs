using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

/// <summary>An image of 3 columns and 2 rows, the smallest on which rows, columns and colours cannot be mistaken for each other.</summary>
internal sealed class ImageRow
{
    public const int Height = 2;
    public const int Width = 3;

    [ImageType(Height, Width)]
    public MLImage? Image { get; set; }

    public string? Name { get; set; }

    public static Rgba Color(int x, int y) => new((byte)(10 * x + y), (byte)(100 + 10 * x + y), (byte)(200 + 10 * x + y));

    public static IDataView Data(MLContext ml, MLPixelFormat format = MLPixelFormat.Rgba32) =>
        ml.Data.LoadFromEnumerable([new ImageRow { Image = Rgba.Image(Width, Height, Color, format), Name = "a name" }]);
}
