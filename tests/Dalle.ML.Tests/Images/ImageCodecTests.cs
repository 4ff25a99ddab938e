using Dalle.ML.Bundles;
using Dalle.ML.Images;

namespace Dalle.ML.Tests.Images;

public sealed class ImageCodecTests : IDisposable
{
    private readonly DiscreteVae _codec = new(Bundle.Open(DalleModel.DefaultPath), DalleDevice.Cpu);

    private static int[] Some { get; } = [.. Enumerable.Range(0, 64).Select(i => i * 37 % 1024)];

    private static int[] Others { get; } = [.. Enumerable.Range(0, 64).Select(i => i * 11 % 1024)];

    [Fact]
    public void An_image_is_the_next_ones_memory_only_when_it_is_given_back()
    {
        var image = _codec.Decode(Some);
        float[] values = [.. image.Values];
        float[] others = [.. _codec.Decode(Others).Values];
        Assert.Equal(values, image.Values);
        _codec.Return(image);
        Assert.Equal(others, _codec.Decode(Others).Values);
        Assert.Equal(others, image.Values);
    }

    [Fact]
    public void Images_one_after_the_other_leave_no_garbage_of_their_size()
    {
        _codec.Return(_codec.Decode(Some));
        var before = GC.GetAllocatedBytesForCurrentThread();
        _codec.Return(_codec.Decode(Others));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3 * 64 * 64 * sizeof(float) - 1);
    }

    public void Dispose() => _codec.Dispose();
}
