using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime;

/// <summary>The NVIDIA driver, which reports free memory; ONNX Runtime does not.</summary>
internal static unsafe class CudaDriver
{
    private static readonly string LibraryName = OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>Free bytes of a device; null if the driver does not report it.</summary>
    public static long? FreeBytes(int device)
    {
        if (!NativeLibrary.TryLoad(LibraryName, out var library))
            return null;
        try
        {
            return FreeBytes(library, device);
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        finally
        {
            NativeLibrary.Free(library);
        }
    }

    // Names and signatures of the CUDA driver API; each function returns 0 if it succeeds.
    private static long? FreeBytes(nint library, int number)
    {
        var initialise = (delegate* unmanaged<uint, int>)NativeLibrary.GetExport(library, "cuInit");
        var getDevice = (delegate* unmanaged<int*, int, int>)NativeLibrary.GetExport(library, "cuDeviceGet");
        var retainContext = (delegate* unmanaged<nint*, int, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxRetain");
        var releaseContext = (delegate* unmanaged<int, int>)NativeLibrary.GetExport(library, "cuDevicePrimaryCtxRelease_v2");
        var pushContext = (delegate* unmanaged<nint, int>)NativeLibrary.GetExport(library, "cuCtxPushCurrent_v2");
        var popContext = (delegate* unmanaged<nint*, int>)NativeLibrary.GetExport(library, "cuCtxPopCurrent_v2");
        var getMemory = (delegate* unmanaged<nuint*, nuint*, int>)NativeLibrary.GetExport(library, "cuMemGetInfo_v2");
        int device;
        nint context;
        nuint free, total;
        if (initialise(0) != 0 || getDevice(&device, number) != 0 || retainContext(&context, device) != 0)
            return null;
        try
        {
            if (pushContext(context) != 0)
                return null;
            var isKnown = getMemory(&free, &total) == 0;
            popContext(&context);
            return isKnown ? (long)free : null;
        }
        finally
        {
            releaseContext(device);
        }
    }
}
