using System.Runtime.InteropServices;
using TorchSharp;

namespace Dalle.ML.Training.Native;

/// <summary>Loads libtorch, which the application brings along.</summary>
internal static partial class LibTorch
{
    private static readonly Lazy<bool> Loaded = new(Load);

    /// <summary>Loads it when it is first needed.</summary>
    /// <exception cref="DllNotFoundException">It cannot be loaded; the message says which package or system it takes.</exception>
    public static void EnsureLoaded() => _ = Loaded.Value;

    /// <summary>The device of a name, if this libtorch has it.</summary>
    /// <exception cref="ArgumentException">The name means nothing, or the machine or this libtorch lacks the device.</exception>
    public static torch.Device Device(string name)
    {
        EnsureLoaded();
        try
        {
            var device = torch.device(name);
            if (device.type != DeviceType.CUDA || torch.cuda.is_available())
                return device;
        }
        catch (Exception exception) when (exception is ArgumentException or ExternalException or FormatException)
        {
            throw new ArgumentException($"'{name}' is not a device: use cpu or cuda:0.", nameof(name), exception);
        }
        catch (InvalidOperationException)
        {
            // A kind of device that this libtorch is without.
        }
        throw new ArgumentException(
            $"The device '{name}' cannot be used: there is no CUDA GPU, or libtorch is that for CPUs. Use TorchSharp-cuda-linux or TorchSharp-cuda-windows "
            + "in place of libtorch-cpu, or train on cpu.", nameof(name));
    }

    private static bool Load()
    {
        if (OperatingSystem.IsLinux())
            PrepareLinux();
        if (Environment.GetEnvironmentVariable(OldLibStdCpp.Variable) is not null)
            OldLibStdCpp.Load();
        // In this order, and by ourselves: where one fails, TorchSharp's own search hides why, and copies half a gigabyte on its way.
        var managed = typeof(torch).Assembly;
        if (!NativeLibrary.TryLoad("torch_cpu", managed, null, out _) && !NativeLibrary.TryLoad("LibTorchSharp", managed, null, out _))
        {
            throw new DllNotFoundException(
                $"libtorch is missing, which training needs. Add one of these packages to the application: {PackageName()} (CPU), "
                + "TorchSharp-cuda-linux or TorchSharp-cuda-windows (CUDA 12.8), in the version that fits TorchSharp 0.107: libtorch-cpu 2.10.0.");
        }
        try
        {
            _ = NativeLibrary.Load("LibTorchSharp", managed, null);
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception exception) when (exception is DllNotFoundException or NotSupportedException or TypeInitializationException)
        {
            var isOldSystem = exception.ToString().Contains("GLIBC", StringComparison.Ordinal);
            throw new DllNotFoundException(
                isOldSystem
                    ? "TorchSharp 0.107 cannot be loaded: it needs the C++ library of GCC 13.2 (GLIBCXX_3.4.32), which this system lacks. Use Debian 13, "
                        + $"Ubuntu 24.04 or a container image of .NET 10, or set the environment variable {OldLibStdCpp.Variable}=1: it uses nothing of the newer library, and is "
                        + "then loaded without it."
                    : $"TorchSharp 0.107 cannot be loaded. It fits {PackageName()} 2.10.0 exactly: check the versions of both packages. {exception.Message}",
                exception);
        }
        return true;
    }

    private static string PackageName() => OperatingSystem.IsWindows() ? "libtorch-cpu-win-x64" : OperatingSystem.IsMacOS() ? "libtorch-cpu-osx-arm64" : "libtorch-cpu-linux-x64";

    /// <summary>Before libtorch is loaded: freed memory is kept for the next step, and idle threads sleep.</summary>
    /// <remarks>
    /// Giving memory back and faulting it in anew takes a sixth of a step's time. OpenMP's threads wait by spinning, which costs other
    /// threads of busy cores four times the work. .NET's own environment variables do not reach native code.
    /// </remarks>
    private static void PrepareLinux()
    {
        const int TrimThreshold = -1, TopPad = -2, MmapThreshold = -3;
        try
        {
            _ = mallopt(MmapThreshold, 32 << 20);
            _ = mallopt(TrimThreshold, int.MaxValue);
            _ = mallopt(TopPad, 256 << 20);
            // 0: what the user has set stays.
            _ = setenv("OMP_WAIT_POLICY", "PASSIVE", 0);
            _ = setenv("GOMP_SPINCOUNT", "0", 0);
        }
        catch (EntryPointNotFoundException)
        {
            // A C library other than glibc: it is a matter of speed alone.
        }
    }

    [LibraryImport("libc")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int mallopt(int parameter, int value);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int setenv(string name, string value, int overwrite);
}
