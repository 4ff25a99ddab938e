namespace Dalle.ML.Benchmarks.Peers;

/// <summary>The shape of a GPT that all build: text, then an image's tokens, which are the vocabulary; four times as wide between the layers.</summary>
/// <param name="Name">The size of the family 'dalle' that has it.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Dim">Width.</param>
/// <param name="Heads">Number of heads.</param>
internal sealed record Geometry(string Name, int Layers, int Dim, int Heads)
{
    public const int TextLength = 64;
    public const int Capacity = TextLength + 256;
    public const int Vocabulary = 8192;

    /// <summary>The first position that is measured, and how many are: those in the middle of 64 to 160 take as long as all of them on average.</summary>
    public const int First = 100;

    /// <summary>How many steps a sample is the mean of.</summary>
    public const int Steps = 24;

    public static Geometry[] All { get; } = [new("12x512", 12, 512, 8), new("24x1024", 24, 1024, 16)];

    public int HeadSize => Dim / Heads;

    public int Inner => 4 * Dim;
}
