using Microsoft.ML.Data;
using static Microsoft.ML.Transforms.Image.ImageResizingEstimator;

namespace Microsoft.ML.ImageAnalytics.Resizing;

/// <summary>Makes an image of another size; what is not covered is black.</summary>
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

    /// <summary>Resizes every row; colours are multiplied by alpha, as those of transparent pixels must not show.</summary>
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
                    float weight = factor * pixels[from + Alpha] / byte.MaxValue;
                    for (int channel = 0; channel < Alpha; channel++)
                        result[to + channel] += pixels[from + channel] * weight;
                    result[to + Alpha] += pixels[from + Alpha] * factor;
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
        for (int i = 0; i < row.Length; i += Channels)
        {
            float alpha = row[i + Alpha];
            float unmultiply = alpha > 0 ? byte.MaxValue / alpha : 0;
            for (int channel = 0; channel < Alpha; channel++)
                pixels[i + channel] = ToByte(row[i + channel] * unmultiply);
            pixels[i + Alpha] = ToByte(alpha);
        }
    }

    private static byte ToByte(float value) => (byte)Math.Clamp(MathF.Round(value), 0, byte.MaxValue);
}
