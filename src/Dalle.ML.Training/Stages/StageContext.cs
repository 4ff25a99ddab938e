using Dalle.ML.Training.Data;
using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Stages;

/// <summary>What all stages are given.</summary>
internal sealed record StageContext(TrainingSet Set, TrainingText Text, TrainingPlan Plan, Device Device)
{
    private static readonly Scalar White = 255.ToScalar();

    /// <summary>Image tokens along a side.</summary>
    public int Grid => Set.ImageSize / DiscreteVaeNetwork.PixelsPerToken;

    /// <summary>The pixels of some images, one after another.</summary>
    public byte[] ReadPixels(IReadOnlyList<int> images)
    {
        var size = 3 * Set.ImageSize * Set.ImageSize;
        var pixels = new byte[checked(images.Count * size)];
        foreach (var (i, image) in images.Index())
            Set.ReadImage(image, pixels.AsSpan(i * size, size));
        return pixels;
    }

    /// <summary>Some images of those that were read, as values in 0 to 1, (N, 3, H, W), channels innermost.</summary>
    public Tensor ToTensor(byte[] pixels, int start, int count)
    {
        var size = 3 * Set.ImageSize * Set.ImageSize;
        return tensor(pixels.AsSpan(start * size, count * size).ToArray(), [count, Set.ImageSize, Set.ImageSize, 3])
            .to(Device).permute(0, 3, 1, 2).to(ScalarType.Float32).div_(White);
    }

    /// <summary>The bytes of images, an array each.</summary>
    public static byte[][] ToPixels(Tensor images) =>
        [.. images.Clamped(0, 1).Times(255).round().to(ScalarType.Byte).permute(0, 2, 3, 1).contiguous().cpu().unbind(0).Select(image => image.data<byte>().ToArray())];
}
