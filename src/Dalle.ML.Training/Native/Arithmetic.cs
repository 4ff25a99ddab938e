using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Native;

/// <summary>
/// What TorchSharp's operators do, with numbers that live until libtorch has read them. TorchSharp 0.107 makes a <see cref="Scalar"/> of a
/// number, hands libtorch its address and forgets it: a garbage collection in between frees it, and libtorch reads what lies there by then.
/// That is so in <c>a + b</c> too, which is <c>a + 1 · b</c>. BannedSymbols.txt names what is not used for that reason; a
/// <see cref="Scalar"/> elsewhere is a static field or has a <c>using</c>.
/// </summary>
internal static class Arithmetic
{
    public static readonly Scalar One = 1.ToScalar();

    public static Tensor Plus(this Tensor a, Tensor b) => a.add(b, One);

    public static Tensor Plus(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.add(number, One);
    }

    public static Tensor Times(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.mul(number);
    }

    public static Tensor Over(this Tensor a, double b)
    {
        using var number = b.ToScalar();
        return a.div(number);
    }

    public static Tensor Clamped(this Tensor a, double min, double max)
    {
        using Scalar least = min.ToScalar(), most = max.ToScalar();
        return a.clamp(least, most);
    }

    /// <summary>The number that a tensor of one value holds.</summary>
    public static double Number(this Tensor a) => a.cpu().to(ScalarType.Float64).item<double>();
}
