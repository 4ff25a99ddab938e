using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>Where tensors lie that stay in their place.</summary>
/// <param name="Info">The kind of memory.</param>
/// <param name="Allocate">Gives so many bytes; whoever disposes the handle gives them back.</param>
internal sealed record TensorMemory(OrtMemoryInfo Info, Func<long, SafeHandle> Allocate)
{
    /// <summary>
    /// The host's, zeroed: what no sequence has reached takes part in no product, but not-a-number would spread from it.
    /// </summary>
    public static TensorMemory Host { get; } = new(OrtMemoryInfo.DefaultInstance, bytes => new Zeroed((nuint)bytes));

    /// <summary>Memory of a session's own allocator, with what was left in it.</summary>
    /// <param name="session">The session.</param>
    /// <param name="gpuDeviceId">The GPU that it runs on, if any.</param>
    public static TensorMemory Of(InferenceSession session, int? gpuDeviceId)
    {
        var info = gpuDeviceId is { } id
            ? new OrtMemoryInfo(OrtMemoryInfo.allocatorCUDA, OrtAllocatorType.DeviceAllocator, id, OrtMemType.Default)
            : OrtMemoryInfo.DefaultInstance;
        var allocator = new OrtAllocator(session, info);
        return new TensorMemory(info, bytes => allocator.Allocate(checked((uint)bytes)));
    }

    /// <summary>Freed by the collector where an error keeps a tensor from being finished.</summary>
    private sealed unsafe class Zeroed : SafeHandle
    {
        public Zeroed(nuint bytes)
            : base(IntPtr.Zero, ownsHandle: true) => SetHandle((IntPtr)NativeMemory.AllocZeroed(bytes));

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            NativeMemory.Free((void*)handle);
            return true;
        }
    }
}
