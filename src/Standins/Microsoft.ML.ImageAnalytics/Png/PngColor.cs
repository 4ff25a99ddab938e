namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>What the samples of a pixel mean; the numbers are those of the file format.</summary>
internal enum PngColor : byte
{
    Grey = 0,
    Rgb = 2,
    Palette = 3,
    GreyAlpha = 4,
    Rgba = 6,
}
