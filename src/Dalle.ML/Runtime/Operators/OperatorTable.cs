using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// What ONNX Runtime knows of an operator: OrtCustomOp, which is a version and functions in the order of onnxruntime_c_api.h, and behind it what these
/// functions tell. ONNX Runtime keeps it, so it is never freed.
/// </summary>
internal static unsafe class OperatorTable
{
    // Element types of ONNX Runtime's interface.
    public const int Float = 1;
    public const int UInt16 = 4;
    public const int Int32 = 6;

    /// <summary>Added to the type of an input that may be missing.</summary>
    public const int Optional = 1 << 16;

    // Places behind OrtCustomOp.
    private const int Name = 32;
    private const int Inputs = 33;
    private const int Outputs = 34;
    private const int Types = 35;

    /// <summary>Makes an operator whose outputs are floats.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="inputs">The types of its inputs.</param>
    /// <param name="outputs">Number of its outputs.</param>
    /// <param name="create">Makes a kernel, in memory of <see cref="NativeMemory.Alloc(nuint)"/>.</param>
    /// <param name="compute">Runs a kernel.</param>
    public static nint Create(
        string name, ReadOnlySpan<int> inputs, int outputs, delegate* unmanaged<nint, nint, nint, nint*, nint> create, delegate* unmanaged<nint, nint, nint> compute)
    {
        var table = (nint*)NativeMemory.AllocZeroed((nuint)(Types + inputs.Length), (nuint)sizeof(nint));
        *(uint*)table = OrtApi.Version;
        table[2] = (nint)(delegate* unmanaged<nint*, nint>)&GetName;
        table[3] = (nint)(delegate* unmanaged<nint*, nint>)&GetProvider;
        table[4] = (nint)(delegate* unmanaged<nint*, nuint, int>)&GetInputType;
        table[5] = (nint)(delegate* unmanaged<nint*, nuint>)&CountInputs;
        table[6] = (nint)(delegate* unmanaged<nint*, nuint, int>)&GetOutputType;
        table[7] = (nint)(delegate* unmanaged<nint*, nuint>)&CountOutputs;
        table[9] = (nint)(delegate* unmanaged<nint, void>)&Destroy;
        table[10] = (nint)(delegate* unmanaged<nint*, nuint, int>)&IsOptionalInput;
        table[11] = (nint)(delegate* unmanaged<nint*, nuint, int>)&IsOptionalOutput;
        table[12] = (nint)(delegate* unmanaged<nint*, nuint, int>)&GetMemoryType;
        table[17] = (nint)create;
        table[18] = (nint)compute;
        (table[Name], table[Inputs], table[Outputs]) = (Marshal.StringToCoTaskMemUTF8(name), inputs.Length, outputs);
        for (var i = 0; i < inputs.Length; i++)
            table[Types + i] = inputs[i];
        return (nint)table;
    }

    [UnmanagedCallersOnly]
    private static nint GetName(nint* table) => table[Name];

    [UnmanagedCallersOnly]
    private static nint GetProvider(nint* table) => 0;

    [UnmanagedCallersOnly]
    private static int GetInputType(nint* table, nuint index) => (int)table[Types + (int)index] & ~Optional;

    [UnmanagedCallersOnly]
    private static nuint CountInputs(nint* table) => (nuint)table[Inputs];

    [UnmanagedCallersOnly]
    private static int GetOutputType(nint* table, nuint index) => Float;

    [UnmanagedCallersOnly]
    private static nuint CountOutputs(nint* table) => (nuint)table[Outputs];

    [UnmanagedCallersOnly]
    private static int IsOptionalInput(nint* table, nuint index) => (table[Types + (int)index] & Optional) != 0 ? 1 : 0;

    [UnmanagedCallersOnly]
    private static int IsOptionalOutput(nint* table, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static int GetMemoryType(nint* table, nuint index) => 0;

    [UnmanagedCallersOnly]
    private static void Destroy(nint kernel) => NativeMemory.Free((void*)kernel);
}
