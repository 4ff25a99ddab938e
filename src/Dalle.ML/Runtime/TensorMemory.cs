using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>The memory of tensors that stay in place: the host's, or that of a session's device.</summary>
internal sealed class TensorMemory : IDisposable
{
    private readonly OrtAllocator? _allocator;

    private TensorMemory(OrtMemoryInfo info, OrtAllocator? allocator) => (Info, _allocator) = (info, allocator);

    /// <summary>
    /// The host's memory, zeroed: positions that no sequence has reached do not affect results, but a CPU kernel multiplies them by zero, and
    /// not-a-number would spread from it.
    /// </summary>
    public static TensorMemory Host { get; } = new(OrtMemoryInfo.DefaultInstance, allocator: null);

    /// <summary>The kind of memory.</summary>
    public OrtMemoryInfo Info { get; }

    /// <summary>A device's memory, not cleared: its kernels read no further than the sequences reach. It lives as long as the session.</summary>
    public static TensorMemory Of(InferenceSession session, OrtMemoryInfo info) => new(info, new OrtAllocator(session, info));

    /// <summary>Allocates memory, which disposing the handle frees.</summary>
    public SafeHandle Allocate(long bytes) => _allocator is null ? new Zeroed((nuint)bytes) : _allocator.Allocate(checked((uint)bytes));

    public void Dispose() => _allocator?.Dispose();

    /// <summary>Freed by the garbage collector if an error keeps a tensor from being finished.</summary>
    private sealed unsafe class Zeroed : SafeHandle
    {
        public Zeroed(nuint bytes)
            : base(IntPtr.Zero, ownsHandle: true)
        {
            SetHandle((IntPtr)NativeMemory.AllocZeroed(bytes));
            HugePages.Advise((void*)handle, (long)bytes);
        }

        public override bool IsInvalid => handle == IntPtr.Zero;

        protected override bool ReleaseHandle()
        {
            NativeMemory.Free((void*)handle);
            return true;
        }
    }
}
