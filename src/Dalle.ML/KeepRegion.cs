using System.Globalization;

namespace Dalle.ML;

/// <summary>
/// The part of an image's grid of tokens that a completion keeps; the model generates the rest. The DALL·E paper keeps the upper rows, for image
/// completion and, with a prompt that describes how the rest differs, for image-to-image translation; ru-dALLE keeps borders.
/// </summary>
/// <param name="Up">Rows kept at the top, over the whole width.</param>
/// <param name="Left">Columns kept on the left.</param>
/// <param name="Right">Columns kept on the right.</param>
/// <param name="Down">Rows kept at the bottom.</param>
public readonly record struct KeepRegion(int Up = 0, int Left = 0, int Right = 0, int Down = 0)
{
    /// <summary>Width in tokens of a rectangle that is kept in the upper left corner, with <see cref="RectangleHeight"/>.</summary>
    public int RectangleWidth { get; init; }

    /// <summary>Height in tokens of that rectangle.</summary>
    public int RectangleHeight { get; init; }

    /// <summary>Keeps the upper rows.</summary>
    /// <param name="rows">Number of token rows.</param>
    public static KeepRegion Top(int rows) => new(Up: rows);

    /// <summary>Keeps a rectangle in the upper left corner.</summary>
    /// <param name="width">Its width in tokens.</param>
    /// <param name="height">Its height in tokens.</param>
    public static KeepRegion Rectangle(int width, int height) => new() { RectangleWidth = width, RectangleHeight = height };

    /// <summary>Reads <c>top:R</c>, <c>rect:WxH</c>, or borders such as <c>up:2,left:1,right:1,down:2</c>, in tokens.</summary>
    /// <param name="text">The region.</param>
    /// <exception cref="FormatException"><paramref name="text"/> is not a region.</exception>
    public static KeepRegion Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var region = new KeepRegion();
        foreach (var part in text.Split(','))
        {
            var (name, value) = part.Split(':') is [var left, var right] ? (left.Trim(), right.Trim()) : ("", "");
            region = name switch
            {
                "top" or "up" => region with { Up = Number(value) },
                "left" => region with { Left = Number(value) },
                "right" => region with { Right = Number(value) },
                "down" => region with { Down = Number(value) },
                "rect" when value.Split('x') is [var width, var height] => region with { RectangleWidth = Number(width), RectangleHeight = Number(height) },
                _ => throw Invalid(),
            };
        }
        return region;

        int Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Invalid();

        FormatException Invalid() => new($"'{text}' is not a region to keep. Regions are top:R, rect:WxH, and up:R,left:C,right:C,down:R, in tokens.");
    }

    /// <summary>Whether a token of a grid is kept.</summary>
    internal bool Keeps(int row, int column, int rows, int columns) =>
        row < Up || column < Left || column >= columns - Right || row >= rows - Down || (row < RectangleHeight && column < RectangleWidth);

    /// <summary>The image tokens that are kept, −1 for those to sample.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The region does not fit the grid, is empty or leaves nothing to generate.</exception>
    internal int[] Apply(int[] tokens, int rows, int columns)
    {
        if (Up < 0 || Left < 0 || Right < 0 || Down < 0 || RectangleWidth < 0 || RectangleHeight < 0
            || Up + Down > rows || Left + Right > columns || RectangleWidth > columns || RectangleHeight > rows)
            throw new ArgumentOutOfRangeException(null, this, $"The region does not fit the model's grid of {rows} rows and {columns} columns.");
        var region = this;
        var kept = tokens.Select((token, i) => region.Keeps(i / columns, i % columns, rows, columns) ? token : -1).ToArray();
        if (!kept.Contains(-1))
            throw new ArgumentOutOfRangeException(null, this, $"The region keeps the whole grid of {rows} rows and {columns} columns: there is nothing to generate.");
        return kept;
    }
}
