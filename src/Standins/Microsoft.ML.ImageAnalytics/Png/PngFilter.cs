namespace Microsoft.ML.ImageAnalytics.Png;

/// <summary>The five predictions of a byte from its neighbours: a row is stored as the differences to them.</summary>
internal static class PngFilter
{
    public const int Count = 5;

    /// <summary>Turns differences back into a row, in place.</summary>
    /// <remarks><paramref name="above"/> is the previous row of the pass; above the first are zeros.</remarks>
    public static void Undo(int filter, Span<byte> row, ReadOnlySpan<byte> above, int stride)
    {
        if (filter >= Count)
            throw new InvalidDataException($"The PNG file is damaged: filter {filter} does not exist.");
        if (filter == 0)
            return;
        for (int i = 0; i < row.Length; i++)
            row[i] += Predict(filter, row, above, i, stride);
    }

    public static void Apply(int filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int stride, Span<byte> differences)
    {
        for (int i = 0; i < row.Length; i++)
            differences[i] = (byte)(row[i] - Predict(filter, row, above, i, stride));
    }

    private static byte Predict(int filter, ReadOnlySpan<byte> row, ReadOnlySpan<byte> above, int i, int stride)
    {
        int left = i < stride ? 0 : row[i - stride];
        int up = above[i];
        int upLeft = i < stride ? 0 : above[i - stride];
        return (byte)(filter switch
        {
            0 => 0,
            1 => left,
            2 => up,
            3 => (left + up) / 2,
            _ => Paeth(left, up, upLeft),
        });
    }

    private static int Paeth(int left, int up, int upLeft)
    {
        int toLeft = Math.Abs(up - upLeft);
        int toUp = Math.Abs(left - upLeft);
        int toUpLeft = Math.Abs(left + up - 2 * upLeft);
        return toLeft <= toUp && toLeft <= toUpLeft ? left
            : toUp <= toUpLeft ? up
            : upLeft;
    }
}
