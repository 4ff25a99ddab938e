namespace Dalle.ML.Export.Architectures;

/// <summary>The sparse attention of lucidrains/DALLE-pytorch over a stream of text and a square image. All tokens see all text.</summary>
internal static class AxialAttention
{
    /// <summary>The kinds of a layer.</summary>
    public static IReadOnlyList<string> Kinds { get; } = ["full", "axial_row", "axial_col", "conv_like"];

    /// <summary>The part of the image that an image token attends to: all, its row, its column, or a window of 5 × 5 whose last corner it is.</summary>
    public static AttentionMask? Mask(string kind, int start, int grid)
    {
        const int Reach = 4;
        return kind == "full" ? null : new AttentionMask(kind, (query, key) =>
        {
            var (from, to) = (query - start, key - start);
            var (rows, columns) = (from / grid - to / grid, from % grid - to % grid);
            return to < 0 || kind switch
            {
                "axial_row" => rows == 0,
                "axial_col" => columns == 0,
                _ => rows <= Reach && columns is >= 0 and <= Reach,
            };
        });
    }
}
