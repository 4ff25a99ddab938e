using System.Runtime.InteropServices;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>A format of weights in a GGUF file.</summary>
/// <param name="Name">llama.cpp's name of it.</param>
/// <param name="Id">Its number in the file.</param>
/// <param name="Block">Weights that are stored together.</param>
/// <param name="Fill">Fills a block with random weights.</param>
/// <param name="BlockBytes">Bytes of a block.</param>
internal sealed record GgmlType(string Name, uint Id, int Block, int BlockBytes, Action<Random, Span<byte>> Fill)
{
    // Of random weights: small, so that nothing overflows on its way through the layers.
    private const float Scale = 0.03f;

    public static GgmlType F32 { get; } = new("F32", 0, 1, sizeof(float), (random, block) => MemoryMarshal.Write(block, Scale * (random.NextSingle() - 0.5f)));

    public static GgmlType F16 { get; } = new("F16", 1, 1, 2, (random, block) => MemoryMarshal.Write(block, (Half)(Scale * (random.NextSingle() - 0.5f))));

    /// <summary>A scale for 32 whole numbers of 8 bits.</summary>
    public static GgmlType Q8 { get; } = new("Q8_0", 8, 32, 2 + 32, (random, block) => FillNumbers(random, block, 256));

    /// <summary>A scale for 32 whole numbers of 4 bits.</summary>
    public static GgmlType Q4 { get; } = new("Q4_0", 2, 32, 2 + 16, (random, block) => FillNumbers(random, block, 16));

    public static GgmlType[] All { get; } = [F32, F16, Q8, Q4];

    public long BytesOf(long weights) => weights / Block * BlockBytes;

    private static void FillNumbers(Random random, Span<byte> block, int values)
    {
        MemoryMarshal.Write(block, (Half)(Scale / values));
        random.NextBytes(block[2..]);
    }
}
