using System.Globalization;

namespace Dalle.ML.Interactive;

/// <summary>Image tokens as the grid that they are, each token in a colour of its own.</summary>
/// <param name="Tokens">Image tokens in raster order; −1 where there is none yet.</param>
/// <param name="Columns">Number of columns, <see cref="DalleModelInfo.TokenColumns"/> of the model.</param>
/// <example>
/// <code>
/// new TokenMap(model.EncodeImage(image), model.Info.TokenColumns).Show();
/// </code>
/// </example>
public sealed record TokenMap(IReadOnlyList<int> Tokens, int Columns)
{
    /// <summary>Image tokens in raster order; −1 where there is none yet.</summary>
    public IReadOnlyList<int> Tokens { get; init; } = Columns > 0 && Tokens.Count % Columns == 0
        ? Tokens
        : throw new ArgumentException($"{Tokens.Count} tokens make no rows of {Columns}.", nameof(Columns));

    /// <summary>As many tokens to compare with: those that differ are bold. None if null.</summary>
    public IReadOnlyList<int>? Before
    {
        get;
        init => field = value is null || value.Count == Tokens.Count
            ? value
            : throw new ArgumentException($"{Tokens.Count} tokens cannot be compared with {value.Count}.", nameof(value));
    }

    /// <summary>The numbers in lines of text.</summary>
    public override string ToString() => string.Join('\n', Tokens.Chunk(Columns).Select(row => string.Join(' ', row.Select(token => $"{Number(token),5}"))));

    internal string ToHtml() => Html.Table(Tokens.Select((token, index) => Cell(token, index)).Chunk(Columns).Select(row => string.Concat(row)));

    private string Cell(int token, int index)
    {
        var number = Number(token);
        var text = Before is null || Before[index] == token ? number : $"<b>{number}</b>";
        return $"""<td align="center" bgcolor="{Color(token)}"><font color="black">{text}</font></td>""";
    }

    private static string Number(int token) => token < 0 ? "·" : token.ToString(CultureInfo.InvariantCulture);

    /// <summary>A light colour; the golden angle keeps the hues of neighbouring numbers apart.</summary>
    private static string Color(int token)
    {
        if (token < 0)
            return "#ffffff";
        var hue = token * 137.508 * Math.PI / 180;
        int Channel(int third) => (int)(200 + (55 * Math.Cos(hue - (third * 2 * Math.PI / 3))));
        return $"#{Channel(0):x2}{Channel(1):x2}{Channel(2):x2}";
    }
}
