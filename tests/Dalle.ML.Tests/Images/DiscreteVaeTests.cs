using Dalle.ML.Bundles;
using Dalle.ML.Images;

namespace Dalle.ML.Tests.Images;

public sealed class DiscreteVaeTests : IDisposable
{
    private readonly DiscreteVae _vae = new(Bundle.Open(DalleModel.DefaultPath), DalleDevice.Cpu);

    private static int[] Some { get; } = [.. Enumerable.Range(0, 256).Select(i => i * 37 % 1024)];

    private static int[] Others { get; } = [.. Enumerable.Range(0, 256).Select(i => i * 11 % 1024)];

    [Fact]
    public void An_image_lends_its_memory_to_the_next_only_when_it_is_disposed()
    {
        var image = _vae.Decode(Some);
        float[] values = [.. image.Values];
        float[] others = [.. _vae.Decode(Others).Values];
        Assert.Equal(values, image.Values);
        image.Dispose();
        using var next = _vae.Decode(Others);
        Assert.Equal(others, next.Values);
        Assert.Same(image.Values, next.Values);

        // Disposed twice, it lends nothing twice: the next image keeps its values.
        image.Dispose();
        using var last = _vae.Decode(Some);
        Assert.Equal(others, next.Values);
        Assert.Equal(values, last.Values);
    }

    [Fact]
    public void Images_one_after_the_other_leave_no_garbage_of_their_size()
    {
        _vae.Decode(Some).Dispose();
        var before = GC.GetAllocatedBytesForCurrentThread();
        _vae.Decode(Others).Dispose();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 3 * 128 * 128 * sizeof(float) - 1);
    }

    public void Dispose() => _vae.Dispose();
}
