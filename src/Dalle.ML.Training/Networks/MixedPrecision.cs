using System.Runtime.Intrinsics.X86;
using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Networks;

/// <summary>
/// Within the scope of one, on its thread, matrix products and convolutions are computed in bfloat16; weights, sums and normalizations
/// stay as they are.
/// </summary>
/// <remarks>TorchSharp lacks autocast. Casts are part of the graph: gradients come back as floats.</remarks>
internal readonly struct MixedPrecision : IDisposable
{
    [ThreadStatic]
    private static bool _isBfloat16;

    private readonly bool _before;

    public MixedPrecision(bool isBfloat16) => (_before, _isBfloat16) = (_isBfloat16, isBfloat16);

    /// <summary>Whether a device multiplies bfloat16 faster than floats.</summary>
    public static bool IsFastOn(Device device)
    {
        if (device.type != DeviceType.CPU)
            return true;
        if (!X86Base.IsSupported || X86Base.CpuId(0, 0).Eax < 7)
            return false;
        // AVX512_BF16 and AMX-BF16.
        return (X86Base.CpuId(7, 1).Eax & (1 << 5)) != 0 || (X86Base.CpuId(7, 0).Edx & (1 << 22)) != 0;
    }

    /// <summary>A tensor as products take it.</summary>
    public static Tensor Cast(Tensor tensor) => _isBfloat16 ? tensor.to(ScalarType.BFloat16) : tensor;

    public void Dispose() => _isBfloat16 = _before;
}
