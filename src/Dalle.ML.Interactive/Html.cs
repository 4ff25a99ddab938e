using System.Globalization;
using System.Net;
using Microsoft.ML.Data;

namespace Dalle.ML.Interactive;

/// <summary>HTML that any viewer of notebooks shows: tables and attributes, no style sheet, no script, pictures inline.</summary>
internal static class Html
{
    private const int SmallestWidth = 128;

    private const int PicturesPerRow = 4;

    public static string Picture(MLImage image, string? caption = null)
    {
        // Whole factors, so that every pixel of a small image stays a square.
        var scale = Math.Max(1, SmallestWidth / image.Width);
        var picture = $"""<img width="{image.Width * scale}" height="{image.Height * scale}" style="image-rendering:pixelated" alt="{Text(caption ?? "")}" src="{DataUri("image/png", image.ToPng())}">""";
        return caption is null ? picture : $"{picture}<br>{Text(caption)}";
    }

    public static string Captioned(GeneratedImage image)
    {
        var score = float.IsNaN(image.Score) ? "" : string.Create(CultureInfo.InvariantCulture, $", score {image.Score:F1}");
        return Picture(image.Image, $"{image.Prompt}, seed {image.Seed}{score}");
    }

    public static string Grid(IEnumerable<string> cells) =>
        Table(cells.Chunk(PicturesPerRow).Select(row => string.Concat(row.Select(cell => $"""<td align="center" valign="top">{cell}</td>"""))));

    public static string Table(IEnumerable<string> rows) => $"<table>{string.Concat(rows.Select(row => $"<tr>{row}</tr>"))}</table>";

    public static string DataUri(string type, byte[] file) => $"data:{type};base64,{Convert.ToBase64String(file)}";

    public static string Text(string text) => WebUtility.HtmlEncode(text);

    /// <summary>A colour between white and blue.</summary>
    /// <param name="strength">From 0 to 1.</param>
    public static string Shade(double strength)
    {
        var rest = (int)Math.Round(255 - (110 * Math.Clamp(strength, 0, 1)));
        return $"#{rest:x2}{(rest + 255) / 2:x2}ff";
    }
}
