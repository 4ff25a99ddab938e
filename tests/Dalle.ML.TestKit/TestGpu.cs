namespace Dalle.ML.Tests;

/// <summary>The GPU that tests of <c>Category=Gpu</c> run on.</summary>
public static class TestGpu
{
    /// <summary>The first GPU; a test that asks for it is skipped where there is none.</summary>
    public static DalleDevice Device()
    {
        Assert.SkipUnless(File.Exists("/dev/nvidia0"), "there is no NVIDIA GPU");
        return DalleDevice.Cuda(0);
    }
}
