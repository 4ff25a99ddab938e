using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The sparse attention of DALL·E (Ramesh et al. 2021, appendix B.1 and figure 11), and of ru-dALLE after it, over a stream of text and a
/// square image. Text is causal. Image tokens see all text and, of the image up to themselves, a part that depends on the layer.
/// </summary>
/// <param name="TextLength">Positions before those of the image.</param>
/// <param name="Side">Tokens in a row of the image.</param>
internal sealed record SparseAttention(int TextLength, int Side)
{
    // The windows are 11 × 11.
    private const int Reach = 5;

    /// <summary>Whether windows continue at the opposite edge of the image, as in the second version of ru-dALLE.</summary>
    public bool IsToroidal { get; init; }

    /// <summary>The pattern of a layer: every fourth one, from the second on, columns; the last one a window; all others rows.</summary>
    public static SparsePattern PatternOf(int layer, int layers) =>
        layer % 4 == 1 ? SparsePattern.Column
        : layer == layers - 1 ? SparsePattern.Convolutional
        : SparsePattern.Row;

    /// <summary>The mask of a layer.</summary>
    public AttentionMask Mask(int layer, int layers)
    {
        var pattern = PatternOf(layer, layers);
        // The name is part of exported graphs, whose bytes stay.
        var name = pattern == SparsePattern.Convolutional ? "Square" : pattern.ToString();
        return new AttentionMask(name, (query, key) => Sees(pattern, query, key));
    }

    /// <summary>Whether a position sees an earlier one.</summary>
    public bool Sees(SparsePattern pattern, int query, int key)
    {
        var (from, to) = (query - TextLength, key - TextLength);
        return to < 0 || pattern switch
        {
            SparsePattern.Row => from - to <= Side,
            SparsePattern.Column => (from - to) % Side == 0,
            _ => InWindow(from / Side, to / Side) && InWindow(from % Side, to % Side),
        };
    }

    /// <summary>Whether a checkpoint's own mask of windows shows the upper left corner to the upper right one, which is far from it.</summary>
    public bool WrapsIn(Checkpoint weights)
    {
        var size = TextLength + Side * Side;
        var (query, key) = (TextLength + Side - 1, TextLength);
        return MaskIn(weights) is { } mask
            && weights.Read(mask, size, size).Values[query * size + key] != 0
            && !Sees(SparsePattern.Convolutional, query, key);
    }

    /// <summary>Whether a checkpoint has saved the mask of such layers.</summary>
    public static bool HasMask(Checkpoint weights) => MaskIn(weights) is not null;

    private static string? MaskIn(Checkpoint weights) => weights.Names.FirstOrDefault(name => name.EndsWith("conv_mask", StringComparison.Ordinal));

    private bool InWindow(int from, int to)
    {
        var distance = Math.Abs(from - to);
        return Math.Min(distance, IsToroidal ? Side - distance : distance) <= Reach;
    }
}

/// <summary>The part of an image that a token of it sees.</summary>
internal enum SparsePattern
{
    /// <summary>As many tokens before itself as a row has.</summary>
    Row,

    /// <summary>Columns: the tokens above, and itself.</summary>
    Column,

    /// <summary>A window around itself.</summary>
    Convolutional,
}
