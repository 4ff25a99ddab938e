using System.Text;
using System.Xml.Linq;

namespace Dalle.ML.Cli;

/// <summary>Curves side by side as an SVG. The plotting libraries of .NET need another SkiaSharp than ML.NET's images, or a browser.</summary>
/// <param name="XTitle">Title of the horizontal axes.</param>
/// <param name="Curves">A panel each: its title and its points.</param>
/// <param name="HasLogarithmicX">Whether equal steps to the right are equal factors.</param>
internal sealed record LinePlot(string XTitle, IReadOnlyList<(string Title, IReadOnlyList<(double X, double Y)> Points)> Curves, bool HasLogarithmicX = false)
{
    private const int Width = 340;
    private const int Height = 260;
    private const int Left = 56;
    private const int Right = 16;
    private const int Top = 34;
    private const int Bottom = 44;
    private const int Ticks = 4;

    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public byte[] ToSvg()
    {
        var root = new XElement(
            Svg + "svg", new XAttribute("viewBox", Text($"0 0 {Width * Curves.Count} {Height}")), new XAttribute("width", Width * Curves.Count), new XAttribute("height", Height),
            new XAttribute("font-family", "sans-serif"), new XAttribute("font-size", 11), new XElement(Svg + "rect", new XAttribute("width", "100%"), new XAttribute("height", "100%"), new XAttribute("fill", "white")));
        foreach (var (number, (title, points)) in Curves.Index())
            root.Add(new XElement(Svg + "g", new XAttribute("transform", Text($"translate({number * Width} 0)")), Panel(title, points)));
        return Encoding.UTF8.GetBytes(root + "\n");
    }

    private IEnumerable<XElement> Panel(string title, IReadOnlyList<(double X, double Y)> points)
    {
        var step = Step(points.Max(point => point.Y) - points.Min(point => point.Y), points[0].Y);
        var (low, high) = (Math.Floor(points.Min(point => point.Y) / step) * step, Math.Ceiling(points.Max(point => point.Y) / step) * step);
        if (high <= low)
            high = low + step;
        var (first, last) = (Scale(points[0].X), Scale(points[^1].X));
        double X(double value) => Left + (Width - Left - Right) * (last > first ? (Scale(value) - first) / (last - first) : 0.5);
        double Y(double value) => Top + (Height - Top - Bottom) * (high - value) / (high - low);

        yield return Label(Left, Top - 14, title, "start", ("font-weight", "bold"));
        for (var i = 0; low + i * step <= high + step / 2; i++)
        {
            var value = low + i * step;
            yield return new XElement(
                Svg + "line", new XAttribute("x1", Left), new XAttribute("x2", Width - Right), new XAttribute("y1", Text($"{Y(value):0.#}")), new XAttribute("y2", Text($"{Y(value):0.#}")), new XAttribute("stroke", "#ddd"));
            yield return Label(Left - 6, Y(value) + 4, Text($"{value:0.####}"), "end");
        }
        foreach (var (x, _) in points)
            yield return Label(X(x), Height - Bottom + 16, Text($"{x:0.###}"), "middle");
        yield return Label((Left + Width - Right) / 2.0, Height - 8, XTitle, "middle");
        yield return new XElement(
            Svg + "polyline", new XAttribute("points", string.Join(' ', points.Select(point => Text($"{X(point.X):0.#},{Y(point.Y):0.#}")))),
            new XAttribute("fill", "none"), new XAttribute("stroke", "#1f77b4"), new XAttribute("stroke-width", 2));
        foreach (var (x, y) in points)
        {
            yield return new XElement(
                Svg + "circle", new XAttribute("cx", Text($"{X(x):0.#}")), new XAttribute("cy", Text($"{Y(y):0.#}")), new XAttribute("r", 3), new XAttribute("fill", "#1f77b4"),
                new XElement(Svg + "title", Text($"{x:0.###}: {y:0.####}")));
        }
    }

    private double Scale(double x) => HasLogarithmicX ? Math.Log(x) : x;

    /// <summary>A step of 1, 2 or 5 times a power of ten, of which some make a range.</summary>
    private static double Step(double range, double value)
    {
        var rough = (range > 0 ? range : Math.Max(Math.Abs(value), 1)) / Ticks;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        return power * (rough / power) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 };
    }

    private static XElement Label(double x, double y, string text, string anchor, params (string Name, string Value)[] attributes) => new(
        Svg + "text", new XAttribute("x", Text($"{x:0.#}")), new XAttribute("y", Text($"{y:0.#}")), new XAttribute("text-anchor", anchor),
        attributes.Select(attribute => new XAttribute(attribute.Name, attribute.Value)), text);

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
