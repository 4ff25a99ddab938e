using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// The host's memory for sessions whose weights ONNX Runtime copies into the order that its products read them in: the copies get huge pages. Only Linux
/// has it.
/// </summary>
internal static unsafe class HugePageAllocator
{
    // OrtAllocator as of ONNX Runtime 1.18, the first with a function of its own for weights.
    private const uint Version = 18;
    private const nuint Alignment = 64;

    private static readonly OrtMemoryInfo Host = new("Cpu", OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);

    private static readonly Lazy<bool> IsRegistered = new(Register);

    /// <summary>Makes it that of the sessions that are created with the options, where that can be.</summary>
    public static void Use(SessionOptions options)
    {
        if (IsRegistered.Value)
            options.AddSessionConfigEntry("session.use_env_allocators", "1");
    }

    /// <returns>Whether ONNX Runtime takes it; an application's own allocator stays.</returns>
    private static bool Register()
    {
        if (!OperatingSystem.IsLinux())
            return false;
        var table = (nint*)NativeMemory.AllocZeroed(5, (nuint)sizeof(nint));
        *(uint*)table = Version;
        table[1] = (nint)(delegate* unmanaged<nint, nuint, void*>)&Allocate;
        table[2] = (nint)(delegate* unmanaged<nint, void*, void>)&Free;
        table[3] = (nint)(delegate* unmanaged<nint, nint>)&Info;
        table[4] = (nint)(delegate* unmanaged<nint, nuint, void*>)&Reserve;
        try
        {
            Operators.OrtApi.RegisterAllocator(OrtEnv.Instance().DangerousGetHandle(), (nint)table);
            return true;
        }
        catch (InvalidOperationException)
        {
            NativeMemory.Free(table);
            return false;
        }
    }

    [UnmanagedCallersOnly]
    private static void* Allocate(nint table, nuint bytes) => Aligned(bytes);

    [UnmanagedCallersOnly]
    private static void Free(nint table, void* memory) => NativeMemory.AlignedFree(memory);

    [UnmanagedCallersOnly]
    private static nint Info(nint table) => Host.DangerousGetHandle();

    [UnmanagedCallersOnly]
    private static void* Reserve(nint table, nuint bytes)
    {
        var memory = Aligned(bytes);
        if (memory is not null)
            HugePages.Advise(memory, (long)bytes);
        return memory;
    }

    private static void* Aligned(nuint bytes)
    {
        try
        {
            return NativeMemory.AlignedAlloc(bytes, Alignment);
        }
        catch (OutOfMemoryException)
        {
            // ONNX Runtime tells of it; an exception cannot pass through it.
            return null;
        }
    }
}
