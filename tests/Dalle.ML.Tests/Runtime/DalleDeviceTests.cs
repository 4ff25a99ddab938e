using Dalle.ML.Runtime;

namespace Dalle.ML.Tests.Runtime;

public sealed class DalleDeviceTests
{
    private static readonly GenerationOptions Quick = new() { Candidates = 1 };

    [Fact]
    public void Threads_make_no_difference_to_an_image()
    {
        var tokens = TokensOn(DalleDevice.Cpu);
        Assert.Equal(tokens, TokensOn(DalleDevice.Cpu with { IntraOpThreads = 1 }));
        Assert.Equal(tokens, TokensOn(DalleDevice.Cpu with { IntraOpThreads = 3, SpinDuration = TimeSpan.FromMilliseconds(1) }));
        Assert.Equal(tokens, TokensOn(DalleDevice.Cpu with { IntraOpThreads = 2, IntraOpThreadAffinities = "1" }));
    }

    [Fact]
    public void Pages_make_no_difference_to_an_image()
    {
        var small = DalleDevice.Cpu with { UsesHugePages = false };
        Assert.True(DalleDevice.Cpu.UsesHugePages);
        Assert.NotEqual(DalleDevice.Cpu, small);
        Assert.Equal(TokensOn(DalleDevice.Cpu), TokensOn(small));
    }

    [Fact]
    public void Impossible_threads_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DalleDevice.Cpu with { IntraOpThreads = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => DalleDevice.Cpu with { SpinDuration = TimeSpan.FromMicroseconds(-1) });
        Assert.Throws<ArgumentOutOfRangeException>(() => DalleDevice.Cpu with { SpinDuration = TimeSpan.FromSeconds(2) });
        var error = Assert.Throws<DalleDeviceException>(() => DalleModel.LoadDefault(DalleDevice.Cpu with { IntraOpThreads = 2, IntraOpThreadAffinities = "1;1;1" }));
        Assert.Contains("'1;1;1'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_device_with_threads_of_its_own_is_another_device_of_the_same_name()
    {
        var device = DalleDevice.Cpu with { IntraOpThreads = 2 };
        Assert.NotEqual(DalleDevice.Cpu, device);
        Assert.Equal(DalleDevice.Cpu, DalleDevice.Parse(device.ToString()));
    }

    [Fact]
    public void A_limit_of_memory_is_some_memory()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => DalleDevice.Cuda(0) with { GpuMemoryLimit = 1000 });
        Assert.Equal(1L << 32, (DalleDevice.Cuda(1) with { GpuMemoryLimit = 1L << 32 }).GpuMemoryLimit);
    }

    [Fact]
    public void Missing_libraries_of_CUDA_are_named()
    {
        Assert.SkipWhen(File.Exists("/dev/nvidia0"), "this machine has them");
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the names are those of Linux");
        var missing = CudaProvider.MissingLibraries("libonnxruntime_providers_cuda.so with error: libcublasLt.so.12: cannot open shared object file");
        Assert.Superset(new HashSet<string> { "libcublasLt.so.12", "libcudart.so.12", "libcudnn.so.9", "libcuda.so.1" }, missing.ToHashSet());
        Assert.DoesNotContain(missing, name => name.EndsWith(".13", StringComparison.Ordinal));
    }

    private static IReadOnlyList<int> TokensOn(DalleDevice device)
    {
        using var model = DalleModel.LoadDefault(device);
        Assert.Equal(device, model.Info.Device);
        using var image = model.Generate("a red apple", seed: 3, Quick);
        return image.Tokens;
    }
}
