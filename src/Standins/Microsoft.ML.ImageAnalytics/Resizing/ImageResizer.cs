using Microsoft.ML.Data;
using static Microsoft.ML.Transforms.Image.ImageResizingEstimator;

namespace Microsoft.ML.ImageAnalytics.Resizing;

/// <summary>
/// Makes an image of another size; what is not covered is black. As colours are stored multiplied by alpha, all channels are resampled
/// alike, and those of transparent pixels do not show.
/// </summary>
internal static class ImageResizer
{
    private const int Channels = 4;
    private const int Alpha = 3;

    public static MLImage Resize(MLImage image, int width, int height, ResizingKind kind, Anchor anchor)
    {
        var (x, y) = ResizingAxis.Of((image.Width, image.Height), (width, height), kind, anchor);
        var columns = Horizontally(image, ResizingWeights.Of(x, image.Width));
        var weights = ResizingWeights.Of(y, image.Height);

        var pixels = new byte[width * height * Channels];
        for (int alpha = Alpha; alpha < pixels.Length; alpha += Channels)
            pixels[alpha] = byte.MaxValue;

        int stride = x.TargetLength * Channels;
        var row = new float[stride];
        for (int j = 0; j < weights.Length; j++)
        {
            Array.Clear(row);
            for (int k = 0; k < weights[j].Weights.Length; k++)
                AddScaled(row, columns.AsSpan((weights[j].First + k) * stride, stride), weights[j].Weights[k]);
            Store(row, pixels.AsSpan(((y.TargetStart + j) * width + x.TargetStart) * Channels, stride));
        }

        return MLImage.CreateFromPixels(width, height, image.PixelFormat, pixels);
    }

    private static float[] Horizontally(MLImage image, ResizingWeights[] weights)
    {
        var pixels = image.Pixels;
        var result = new float[image.Height * weights.Length * Channels];
        int to = 0;
        for (int y = 0; y < image.Height; y++)
        {
            foreach (var (first, factors) in weights)
            {
                int from = (y * image.Width + first) * Channels;
                foreach (float factor in factors)
                {
                    for (int channel = 0; channel < Channels; channel++)
                        result[to + channel] += pixels[from + channel] * factor;
                    from += Channels;
                }

                to += Channels;
            }
        }

        return result;
    }

    private static void AddScaled(Span<float> sum, ReadOnlySpan<float> values, float weight)
    {
        for (int i = 0; i < sum.Length; i++)
            sum[i] += values[i] * weight;
    }

    private static void Store(ReadOnlySpan<float> row, Span<byte> pixels)
    {
        for (int i = 0; i < row.Length; i++)
            pixels[i] = (byte)Math.Clamp(MathF.Round(row[i]), 0, byte.MaxValue);
    }
}
