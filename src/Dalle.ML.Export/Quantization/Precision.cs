using System.Diagnostics.CodeAnalysis;
using Dalle.ML.Bundles;

namespace Dalle.ML.Export;

/// <summary>
/// How the matrix products of a transformer are computed. Image and CLIP graphs always compute in fp32: they are a small part of the
/// time. Weights that a checkpoint holds as Float16 are stored as such, except those between pixels and tokens.
/// </summary>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "These are the field's names.")]
public enum Precision
{
    /// <summary>32-bit floats: the reference, and as fast as memory allows on a CPU.</summary>
    Fp32,

    /// <summary>
    /// 16-bit floats: on a GPU weights and cache; on a CPU with AVX-512 weights, which are read as such and multiplied in 32 bits, so that a step takes less
    /// time than with those of 32 bits. Other CPUs widen them once, and gain nothing.
    /// </summary>
    Fp16,

    /// <summary>
    /// 8-bit weights with one scale per column; activations are quantised dynamically. The best choice on a CPU with VNNI or AMX. A row's result
    /// depends slightly on the batch it is computed in, so the same image is not guaranteed for every batch size.
    /// </summary>
    Int8,

    /// <summary>4-bit weights in blocks of 32, each with a scale: the least memory, at a visible loss.</summary>
    Int4,
}

internal static class PrecisionExtensions
{
    /// <summary>The name of the precision in a manifest.</summary>
    public static string Name(this Precision precision) => precision.ToString().ToLowerInvariant();

    /// <summary>The type of the key-value cache of a decoder of this precision.</summary>
    public static CacheType CacheType(this Precision precision) =>
        precision == Precision.Fp16 ? Bundles.CacheType.Float16 : Bundles.CacheType.Float32;
}
