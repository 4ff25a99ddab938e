using System.Globalization;
using System.Text;

namespace Dalle.ML.Interactive;

/// <summary>A curve over a logarithmic axis, such as the best score of N candidates.</summary>
/// <param name="Points">The points from left to right; the first coordinate is positive.</param>
/// <example>
/// <code>
/// new ScoreCurve([(1, 21.5), (2, 22.8), (4, 23.9)]) { Across = "candidates", Up = "best score" }.Show();
/// </code>
/// </example>
public sealed record ScoreCurve(IReadOnlyList<(double X, double Y)> Points)
{
    private const int Width = 420, Height = 240, Margin = 48;

    /// <summary>The points from left to right; the first coordinate is positive.</summary>
    public IReadOnlyList<(double X, double Y)> Points { get; init; } = Points.Count > 0 && Points.All(point => point.X > 0 && double.IsFinite(point.X) && double.IsFinite(point.Y))
        ? Points
        : throw new ArgumentException("A curve needs points, all finite, and right of 0: its horizontal axis is logarithmic.", nameof(Points));

    /// <summary>What the horizontal axis counts.</summary>
    public string Across { get; init; } = "";

    /// <summary>What the vertical axis measures.</summary>
    public string Up { get; init; } = "";

    /// <summary>The points in lines of text.</summary>
    public override string ToString() => string.Join('\n', Points.Select(point => $"{Number(point.X)}\t{Number(point.Y)}"));

    internal string ToHtml()
    {
        var (left, right) = Range(point => Math.Log(point.X));
        var (low, high) = Range(point => point.Y);
        var places = Points.Select(point => (
            X: Margin + ((Width - (2 * Margin)) * (Math.Log(point.X) - left) / (right - left)),
            Y: Height - Margin - ((Height - (2 * Margin)) * (point.Y - low) / (high - low)))).ToArray();
        var svg = new StringBuilder();
        svg.Append(CultureInfo.InvariantCulture, $"""<svg xmlns="http://www.w3.org/2000/svg" width="{Width}" height="{Height}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="white"/>""");
        svg.Append(CultureInfo.InvariantCulture, $"""<polyline fill="none" stroke="#1f6feb" stroke-width="2" points="{string.Join(' ', places.Select(place => $"{Number(place.X)},{Number(place.Y)}"))}"/>""");
        foreach (var (point, place) in Points.Zip(places))
        {
            svg.Append(CultureInfo.InvariantCulture, $"""<circle cx="{place.X:F1}" cy="{place.Y:F1}" r="3" fill="#1f6feb"/>""");
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{place.X:F1}" y="{place.Y - 8:F1}" text-anchor="middle">{Number(point.Y)}</text>""");
            svg.Append(CultureInfo.InvariantCulture, $"""<text x="{place.X:F1}" y="{Height - Margin + 18}" text-anchor="middle">{Number(point.X)}</text>""");
        }
        svg.Append(CultureInfo.InvariantCulture, $"""<text x="{Width / 2}" y="{Height - 10}" text-anchor="middle">{Html.Text(Across)}</text>""");
        svg.Append(CultureInfo.InvariantCulture, $"""<text x="16" y="{Height / 2}" text-anchor="middle" transform="rotate(-90 16 {Height / 2})">{Html.Text(Up)}</text></svg>""");
        // As a picture: viewers that drop SVG from HTML keep it.
        return $"""<img width="{Width}" height="{Height}" alt="{Html.Text($"{Up} by {Across}")}" src="{Html.DataUri("image/svg+xml", Encoding.UTF8.GetBytes(svg.ToString()))}">""";
    }

    private (double Least, double Most) Range(Func<(double X, double Y), double> coordinate)
    {
        var (least, most) = (Points.Min(coordinate), Points.Max(coordinate));
        return most > least ? (least, most) : (least - 1, most + 1);
    }

    private static string Number(double value) => value.ToString("0.##", CultureInfo.InvariantCulture);
}
