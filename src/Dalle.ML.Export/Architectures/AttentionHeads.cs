using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The heads of a decoder's attention. ONNX Runtime takes those whose size is a multiple of eight; others get zeros behind them, which change
/// neither the scores of queries and keys, but for their scale, nor what the output projection makes of the values.
/// </summary>
/// <param name="Count">Their number.</param>
/// <param name="Size">Channels of each, as the model was trained.</param>
internal sealed record AttentionHeads(int Count, int Size)
{
    private const int Grain = 8;

    /// <summary>Whether the graph's operator needs the padding; <c>MultiHeadAttention</c> does not.</summary>
    public bool IsPadded { get; init; } = true;

    /// <summary>Channels of each in the graph.</summary>
    public int PaddedSize => IsPadded ? (Size + Grain - 1) / Grain * Grain : Size;

    /// <summary>Factor of the scores, if it is not the one that goes with <see cref="PaddedSize"/>.</summary>
    public float? Scale => Size == PaddedSize ? null : 1 / MathF.Sqrt(Size);

    /// <summary>Heads that share a width. No tensor tells their number; where nothing else does, they get the published models' size.</summary>
    /// <exception cref="InvalidDataException">They cannot share the width evenly, or nothing tells their number.</exception>
    public static AttentionHeads Of(int width, int? count)
    {
        const int PublishedSize = 64;
        if (count is null && width % PublishedSize != 0)
        {
            throw new InvalidDataException($"Nothing tells the number of attention heads, and the width of {width} is not a multiple of "
                + $"{PublishedSize}, the head size of the published models: give the number as the setting 'heads'.");
        }
        var heads = count ?? width / PublishedSize;
        return heads > 0 && width % heads == 0
            ? new AttentionHeads(heads, width / heads)
            : throw new InvalidDataException($"{heads} attention heads do not divide a width of {width} evenly: give their number as the setting 'heads'.");
    }

    /// <summary>Another number of heads over the same width, if one is given.</summary>
    /// <exception cref="InvalidDataException">They cannot share the width evenly.</exception>
    public AttentionHeads Or(int? count) => count is null ? this : Of(Count * Size, count);

    /// <summary>The key-value cache of a decoder with such heads.</summary>
    public KeyValueCache Cache(Precision precision, int layers, int capacity) => new()
    {
        Type = precision.CacheType(),
        Layers = layers,
        Heads = Count,
        HeadSize = PaddedSize,
        Capacity = capacity,
    };

    /// <summary>The weight [out, in] or the bias [out] of a linear layer that gives queries, keys, values or all of them, padded.</summary>
    public Tensor PadOutputs(Tensor tensor) => Size == PaddedSize
        ? tensor
        : Pad(tensor, tensor.Values.Length / tensor.Shape[0]).Reshape([tensor.Shape[0] / Size * PaddedSize, .. tensor.Shape[1..]]);

    /// <summary>The weight [out, in] of the linear layer that takes what was attended to, padded.</summary>
    public Tensor PadInputs(Tensor weight) => Size == PaddedSize
        ? weight
        : Pad(weight, stride: 1).Reshape(weight.Shape[0], weight.Shape[1] / Size * PaddedSize);

    private Tensor Pad(Tensor tensor, int stride)
    {
        var (size, padded) = (Size * stride, PaddedSize * stride);
        var values = Tensor.Allocate(checked(tensor.Values.Length / size * padded));
        Array.Clear(values);
        for (var i = 0; i < tensor.Values.Length / size; i++)
            tensor.Values.AsSpan(i * size, size).CopyTo(values.AsSpan(i * padded));
        return new Tensor(values, tensor.IsFloat16, values.Length);
    }
}
