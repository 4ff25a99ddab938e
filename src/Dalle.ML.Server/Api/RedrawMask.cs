using Microsoft.ML.Data;

namespace Dalle.ML.Server.Api;

/// <summary>The mask of an edit: where its alpha is 0, the image is redrawn.</summary>
internal static class RedrawMask
{
    private const int BytesPerPixel = 4;
    private const int AlphaByte = 3;

    /// <summary>
    /// The tokens that a completion keeps: −1 where any pixel below the token is transparent in the mask. The mask is scaled and cropped as the
    /// image is, by the short side and around the centre.
    /// </summary>
    /// <param name="tokens">The tokens of the image.</param>
    /// <param name="mask">The mask, of the image's size.</param>
    /// <param name="info">The model.</param>
    /// <exception cref="ApiException">Nothing is to be redrawn.</exception>
    public static int[] Apply(int[] tokens, MLImage mask, DalleModelInfo info)
    {
        var (rows, columns) = (info.TokenRows, info.TokenColumns);
        var scale = Math.Min((double)mask.Width / info.ImageWidth, (double)mask.Height / info.ImageHeight);
        var (left, top) = ((mask.Width - scale * info.ImageWidth) / 2, (mask.Height - scale * info.ImageHeight) / 2);
        var (cellWidth, cellHeight) = (scale * info.ImageWidth / columns, scale * info.ImageHeight / rows);
        var known = tokens.ToArray();
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                if (HasHole(mask, Pixels(left, cellWidth, column, mask.Width), Pixels(top, cellHeight, row, mask.Height)))
                    known[row * columns + column] = -1;
            }
        }
        return known.Contains(-1) ? known : throw Nothing();
    }

    /// <summary>Refuses a mask without any transparent pixel, for models that paint single pixels.</summary>
    /// <exception cref="ApiException">Nothing is to be redrawn.</exception>
    public static void Check(MLImage mask)
    {
        if (!HasHole(mask, (0, mask.Width), (0, mask.Height)))
            throw Nothing();
    }

    private static ApiException Nothing() =>
        ApiException.Invalid("mask", "Nothing is to be redrawn: no pixel of the mask (or, without one, of the image) has alpha 0 in the part that the model sees.");

    /// <summary>The whole pixels that lie in a cell, at least one.</summary>
    private static (int From, int To) Pixels(double start, double size, int cell, int length)
    {
        var from = Math.Clamp((int)Math.Round(start + cell * size), 0, length - 1);
        return (from, Math.Clamp((int)Math.Round(start + (cell + 1) * size), from + 1, length));
    }

    private static bool HasHole(MLImage mask, (int From, int To) across, (int From, int To) down)
    {
        var pixels = mask.Pixels;
        var hasHole = false;
        for (var y = down.From; y < down.To && !hasHole; y++)
        {
            for (var x = across.From; x < across.To && !hasHole; x++)
                hasHole = pixels[(y * mask.Width + x) * BytesPerPixel + AlphaByte] == 0;
        }
        // A span of pixels does not keep its image: the collector may free them while they are read.
        GC.KeepAlive(mask);
        return hasHole;
    }
}
