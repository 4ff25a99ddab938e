using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>ONNX Runtime's CUDA provider, which the package Microsoft.ML.OnnxRuntime.Gpu has.</summary>
internal static partial class CudaProvider
{
    private const string Name = "CUDAExecutionProvider";

    // Versions of CUDA that ONNX Runtime's packages are built for.
    private static readonly string[] Majors = ["13", "12"];

    /// <summary>Lets a session run on a device.</summary>
    /// <exception cref="DalleDeviceException">The provider cannot be loaded, or knows no such device.</exception>
    public static void Use(DalleDevice device, SessionOptions options)
    {
        try
        {
            Append(device, options);
        }
        catch (Exception exception) when (exception is OnnxRuntimeException or EntryPointNotFoundException or DllNotFoundException)
        {
            throw new DalleDeviceException(device, $"{Diagnose(exception.Message)} Or run on the CPU. ONNX Runtime says: {exception.Message}", exception);
        }
    }

    private static void Append(DalleDevice device, SessionOptions options)
    {
        using var provider = new OrtCUDAProviderOptions();
        provider.UpdateOptions(Settings(device));
        options.AppendExecutionProvider_CUDA(provider);
    }

    /// <summary>The libraries missing for CUDA on this machine, as far as known.</summary>
    /// <param name="error">What ONNX Runtime says, which names at most the first library that it misses.</param>
    private static string Diagnose(string error)
    {
        if (!OrtEnv.Instance().GetAvailableProviders().Contains(Name))
            return "The application has ONNX Runtime for the CPU only: it needs the package Microsoft.ML.OnnxRuntime.Gpu in place of Microsoft.ML.OnnxRuntime.";
        var missing = MissingLibraries(error);
        return missing.Count == 0
            ? $"The NVIDIA libraries are present; check that the device number exists.{(CudaDriver.FreeBytes(0) is null ? " The driver does not find device 0 either." : "")}"
            : $"These libraries were not found: {string.Join(", ", missing)}. (cudnn belongs to cuDNN, libcuda or nvcuda to the NVIDIA driver, the others to CUDA. "
                + "On Linux their folders must be in LD_LIBRARY_PATH or known to ldconfig.)";
    }

    /// <summary>The NVIDIA libraries that ONNX Runtime needs and the system does not find, for the CUDA version that an error names.</summary>
    public static IReadOnlyList<string> MissingLibraries(string error)
    {
        var majors = CudaVersion().Match(error) is { Success: true } version ? [version.Groups["major"].Value] : Majors;
        return majors.Select(Missing).MinBy(names => names.Length)!;
    }

    private static string[] Missing(string major)
    {
        var fft = major == "12" ? "11" : "12";
        string[] names = OperatingSystem.IsWindows()
            ? [$"cublasLt64_{major}.dll", $"cublas64_{major}.dll", $"cudart64_{major}.dll", "curand64_10.dll", $"cufft64_{fft}.dll", "cudnn64_9.dll", "nvcuda.dll"]
            : [$"libcublasLt.so.{major}", $"libcublas.so.{major}", $"libcudart.so.{major}", "libcurand.so.10", $"libcufft.so.{fft}", "libcudnn.so.9", "libcuda.so.1"];
        return [.. names.Where(name => !CanLoad(name))];

        static bool CanLoad(string name)
        {
            if (!NativeLibrary.TryLoad(name, out var library))
                return false;
            NativeLibrary.Free(library);
            return true;
        }
    }

    private static Dictionary<string, string> Settings(DalleDevice device)
    {
        var settings = new Dictionary<string, string>
        {
            ["device_id"] = Invariant(device.GpuDeviceId!.Value),
            // Buffers of fixed sizes are requested again and again; rounding them up to powers of two only wastes memory.
            ["arena_extend_strategy"] = "kSameAsRequested",
            // 32-bit products are of 32 bits, and the first image does not wait for a search.
            ["use_tf32"] = "0",
            ["cudnn_conv_algo_search"] = "HEURISTIC",
        };
        if (device.GpuMemoryLimit is { } limit)
        {
            settings["gpu_mem_limit"] = Invariant(limit);
            settings["cudnn_conv_use_max_workspace"] = "0";
        }
        return settings;
    }

    private static string Invariant(long value) => value.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"lib(cublasLt|cublas|cudart)\.so\.(?<major>\d+)")]
    private static partial Regex CudaVersion();
}
