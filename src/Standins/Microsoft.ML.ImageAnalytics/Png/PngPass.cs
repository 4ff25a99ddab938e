namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>One sweep over the image: the pixels at (X + i·StepX, Y + j·StepY).</summary>
internal readonly record struct PngPass(int X, int Y, int StepX, int StepY)
{
    private static readonly PngPass[] Sequential = [new(0, 0, 1, 1)];

    private static readonly PngPass[] Adam7 =
    [
        new(0, 0, 8, 8), new(4, 0, 8, 8), new(0, 4, 4, 8), new(2, 0, 4, 4), new(0, 2, 2, 4), new(1, 0, 2, 2), new(0, 1, 1, 2),
    ];

    public static PngPass[] Of(PngHeader header) => header.Interlaced ? Adam7 : Sequential;

    public int Width(PngHeader header) => Math.Max(0, (header.Width - X + StepX - 1) / StepX);

    /// <summary>The number of rows; none where a narrow image has no pixel in this pass.</summary>
    public int Height(PngHeader header) => Width(header) == 0 ? 0 : Math.Max(0, (header.Height - Y + StepY - 1) / StepY);
}
