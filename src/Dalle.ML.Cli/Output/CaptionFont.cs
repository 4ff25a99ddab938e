using System.Text;
using SkiaSharp;

namespace Dalle.ML.Cli;

/// <summary>
/// Writes lines of captions with the fonts of the machine: one without serifs if there is, and for characters that it lacks any other that has them. Scripts
/// that need shaping, such as Arabic, are written letter by letter.
/// </summary>
/// <param name="size">Height of a line's letters in pixels.</param>
internal sealed class CaptionFont(float size)
{
    private const float LineSpacing = 1.3f;

    private static readonly string[] Preferred = ["Arial", "Liberation Sans", "DejaVu Sans", "Noto Sans", "Helvetica", "Segoe UI"];

    private static readonly Lazy<SKTypeface?> Main = new(FindMain);

    private readonly Dictionary<Rune, SKTypeface> _typefaces = [];

    /// <summary>Whether the machine has a font.</summary>
    public static bool IsAvailable => Main.Value is not null;

    /// <summary>Height of a line in pixels.</summary>
    public int LineHeight { get; } = (int)MathF.Ceiling(size * LineSpacing);

    /// <summary>The lines of a paragraph that are at most so wide; the last ends in an ellipsis where text is left out.</summary>
    public IReadOnlyList<string> Wrap(string paragraph, float width, int maxLines)
    {
        var lines = new List<string>();
        var rest = string.Join(' ', paragraph.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        while (rest.Length > 0)
        {
            if (lines.Count == maxLines - 1)
            {
                lines.Add(Measure(rest) <= width ? rest : rest[..LongestPrefix(rest, width - Measure("…"))].TrimEnd() + "…");
                return lines;
            }
            var end = Measure(rest) <= width ? rest.Length : LongestPrefix(rest, width);
            // At a space if there is one; a word that is wider than a line is cut.
            if (end < rest.Length && rest.LastIndexOf(' ', end) is > 0 and var space)
                end = space;
            lines.Add(rest[..end].TrimEnd());
            rest = rest[end..].TrimStart();
        }
        return lines;
    }

    /// <summary>Lines that each take as many of some words as fit, one at least.</summary>
    public IReadOnlyList<string> Fill(IEnumerable<string> words, string separator, float width)
    {
        var lines = new List<string>();
        foreach (var word in words)
        {
            if (lines.Count > 0 && Measure(lines[^1] + separator + word) <= width)
                lines[^1] += separator + word;
            else
                lines.Add(word);
        }
        return lines;
    }

    /// <summary>Writes a line about a centre, below a top edge.</summary>
    public void Draw(SKCanvas canvas, string line, float centre, float top, SKColor color)
    {
        var x = centre - Measure(line) / 2;
        foreach (var (typeface, text) in Runs(line))
        {
            using var paint = PaintOf(typeface, color);
            canvas.DrawText(text, x, top + size, paint);
            x += paint.MeasureText(text);
        }
    }

    private float Measure(string text)
    {
        var width = 0f;
        foreach (var (typeface, run) in Runs(text))
        {
            using var paint = PaintOf(typeface, SKColors.Black);
            width += paint.MeasureText(run);
        }
        return width;
    }

    /// <summary>The number of characters at the beginning that are at most so wide: one at least, and no half of a pair.</summary>
    private int LongestPrefix(string text, float width)
    {
        var end = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            if (end > 0 && Measure(text[..(end + rune.Utf16SequenceLength)]) > width)
                break;
            end += rune.Utf16SequenceLength;
        }
        return end;
    }

    /// <summary>The parts of a text by the typeface that has their characters.</summary>
    private IEnumerable<(SKTypeface Typeface, string Text)> Runs(string text)
    {
        var (typeface, run) = (Main.Value!, new StringBuilder());
        foreach (var rune in text.EnumerateRunes())
        {
            if (TypefaceOf(rune) is var next && next != typeface && run.Length > 0)
            {
                yield return (typeface, run.ToString());
                run.Clear();
            }
            typeface = next;
            run.Append(rune.ToString());
        }
        if (run.Length > 0)
            yield return (typeface, run.ToString());
    }

    private SKTypeface TypefaceOf(Rune rune)
    {
        if (!_typefaces.TryGetValue(rune, out var typeface))
            _typefaces.Add(rune, typeface = Has(Main.Value, rune) ? Main.Value! : FindOther(rune) ?? Main.Value!);
        return typeface;
    }

    private SKPaint PaintOf(SKTypeface typeface, SKColor color) =>
        new() { Typeface = typeface, TextSize = size, Color = color, IsAntialias = true, SubpixelText = true };

    private static SKTypeface? FindMain() => Preferred.Select(name => SKFontManager.Default.MatchFamily(name)).Append(SKTypeface.Default)
        .FirstOrDefault(typeface => Has(typeface, new Rune('a')));

    // Where the system does not say which font has a character, all are tried.
    private static SKTypeface? FindOther(Rune rune) => new[] { SKFontManager.Default.MatchCharacter(rune.Value) }
        .Concat(SKFontManager.Default.FontFamilies.Select(name => SKFontManager.Default.MatchFamily(name)))
        .FirstOrDefault(typeface => Has(typeface, rune));

    private static bool Has(SKTypeface? typeface, Rune rune) => typeface is not null && typeface.GetGlyph(rune.Value) != 0;
}
