using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Where in a vector the colours of an image stand.</summary>
internal sealed record PixelLayout(
    ImagePixelExtractingEstimator.ColorBits Colors, ImagePixelExtractingEstimator.ColorsOrder Order, bool Interleaved)
{
    /// <summary>The colours in their order in the vector, one bit each.</summary>
    public ImagePixelExtractingEstimator.ColorBits[] Channels { get; } = ChannelsOf(Colors, Order);

    public int[] Dimensions(int height, int width) => Interleaved ? [height, width, Channels.Length] : [Channels.Length, height, width];

    /// <summary>The position in the vector of the first pixel's colour, and the distance to the next pixel's.</summary>
    public (int First, int Step) Walk(int channel, int pixelCount) => Interleaved ? (channel, Channels.Length) : (channel * pixelCount, 1);

    /// <summary>The position of a colour among the four bytes of a pixel.</summary>
    public static int ByteOf(ImagePixelExtractingEstimator.ColorBits color, MLPixelFormat format) => color switch
    {
        ImagePixelExtractingEstimator.ColorBits.Red => format == MLPixelFormat.Bgra32 ? 2 : 0,
        ImagePixelExtractingEstimator.ColorBits.Green => 1,
        ImagePixelExtractingEstimator.ColorBits.Blue => format == MLPixelFormat.Bgra32 ? 0 : 2,
        _ => 3,
    };

    public static PixelLayout Read(BinaryReader reader) => new(
        (ImagePixelExtractingEstimator.ColorBits)reader.ReadByte(),
        (ImagePixelExtractingEstimator.ColorsOrder)reader.ReadByte(),
        reader.ReadBoolean());

    public void Write(BinaryWriter writer)
    {
        writer.Write((byte)Colors);
        writer.Write((byte)Order);
        writer.Write(Interleaved);
    }

    private static ImagePixelExtractingEstimator.ColorBits[] ChannelsOf(
        ImagePixelExtractingEstimator.ColorBits colors, ImagePixelExtractingEstimator.ColorsOrder order)
    {
        if ((colors & ImagePixelExtractingEstimator.ColorBits.All) == 0 || (colors & ~ImagePixelExtractingEstimator.ColorBits.All) != 0)
            throw new ArgumentOutOfRangeException(nameof(colors), colors, "One or more of the four colours are needed.");
        if (!Enum.IsDefined(order))
            throw new ArgumentOutOfRangeException(nameof(order), order, "There is no such order of colours.");

        // The name of an order is the initials of the colours.
        var inOrder = order.ToString().Select(initial => initial switch
        {
            'A' => ImagePixelExtractingEstimator.ColorBits.Alpha,
            'R' => ImagePixelExtractingEstimator.ColorBits.Red,
            'G' => ImagePixelExtractingEstimator.ColorBits.Green,
            _ => ImagePixelExtractingEstimator.ColorBits.Blue,
        });
        return [.. inOrder.Where(color => colors.HasFlag(color))];
    }
}
