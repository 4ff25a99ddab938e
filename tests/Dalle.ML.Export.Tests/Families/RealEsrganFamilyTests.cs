using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Images;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>How the files of upscalers are read.</summary>
public sealed class RealEsrganFamilyTests : IDisposable
{
    private const int Colors = 3;
    private const int Features = 4;

    private readonly TemporaryFolder _folder = new();
    private readonly Random _random = new(1);

    public void Dispose() => _folder.Dispose();

    /// <summary>xinntao's code does so by the factor alone; the small network would take any side, but then sees zeros beyond the edges.</summary>
    [Theory]
    [InlineData(1, 4)]
    [InlineData(2, 2)]
    [InlineData(3, 1)]
    public void The_small_network_sees_sides_mirrored_up_to_multiples(int factor, int multiple)
    {
        const int Width = 9;
        const int Height = 7;
        using var upscaler = Export(factor);
        var (width, height) = ((Width + multiple - 1) / multiple * multiple, (Height + multiple - 1) / multiple * multiple);
        var image = Values(Colors * Width * Height);
        var mirrored = Planes(width, height, (plane, y, x) => image[(plane * Height + Reflect(y, Height)) * Width + Reflect(x, Width)]);

        var whole = upscaler.Enlarge(mirrored, width, height, progress: null, CancellationToken.None);
        var cut = Planes(Width * factor, Height * factor, (plane, y, x) => whole[(plane * height * factor + y) * width * factor + x]);
        Assert.Equal(cut, upscaler.Enlarge(image, Width, Height, progress: null, CancellationToken.None));

        static int Reflect(int place, int length) => place < length ? place : 2 * length - 2 - place;
    }

    private static float[] Planes(int width, int height, Func<int, int, int, float> value) =>
        [.. from plane in Enumerable.Range(0, Colors) from y in Enumerable.Range(0, height) from x in Enumerable.Range(0, width) select value(plane, y, x)];

    private float[] Values(int count) => [.. Enumerable.Range(0, count).Select(_ => _random.NextSingle())];

    private Upscaler Export(int factor)
    {
        var file = Path.Combine(_folder.Path, "small.safetensors");
        SafetensorsWriter.Write(file, new Dictionary<string, Tensor>
        {
            ["body.0.weight"] = Weights(Features, Colors, 3, 3),
            ["body.0.bias"] = Weights(Features),
            ["body.1.weight"] = Weights(Features),
            ["body.2.weight"] = Weights(Colors * factor * factor, Features, 3, 3),
            ["body.2.bias"] = Weights(Colors * factor * factor),
        });
        var folder = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("real-esrgan", [file], folder, new ExportOptions { Settings = new Dictionary<string, string> { ["tile"] = "0" } });
        var bundle = Bundle.Open(folder);
        return new Upscaler(bundle, bundle.Manifest.Upscaler!, DalleDevice.Cpu);
    }

    // About zero, so that little is clamped.
    private Tensor Weights(params int[] shape) =>
        new([.. Values(shape.Aggregate((product, size) => product * size)).Select(value => 0.2f * (value - 0.5f))], isFloat16: false, shape);
}
