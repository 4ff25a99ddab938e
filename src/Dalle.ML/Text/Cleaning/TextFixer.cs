using System.Text;
using System.Text.RegularExpressions;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Repairs text damaged by broken software, as <c>fix_text</c> of the Python package ftfy does, which CLIP calls.</summary>
/// <remarks>
/// All of ftfy 6.3's steps (Robyn Speer, 2019) with its default options: references of HTML, mojibake, controls of Latin-1, Latin
/// ligatures, full and half widths, curly quotes, line ends, lone surrogates, escapes of terminals, control characters, form C. One of
/// them only in part: see <see cref="Mojibake"/>.
/// </remarks>
internal static partial class TextFixer
{
    // One repair can uncover the next. No text of people takes more; a made-up one could take as many as it has characters.
    private const int MaxPasses = 8;

    public static string Fix(string text)
    {
        var fixedText = new StringBuilder(text.Length);
        var isHtml = false;
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = text.IndexOf('\n', start) is >= 0 and var newline ? newline + 1 : text.Length;
            var line = text[start..end];
            // In what is HTML itself, references are meant as they are written.
            isHtml |= line.Contains('<', StringComparison.Ordinal);
            fixedText.Append(FixLine(line, unescape: !isHtml));
        }
        return fixedText.ToString();
    }

    private static string FixLine(string line, bool unescape)
    {
        for (var pass = 0; pass < MaxPasses && Suspicious().IsMatch(line); pass++)
        {
            var before = line;
            if (unescape)
                line = Html.UnescapePlain(line);
            line = Mojibake.Mend(line);
            line = FixCharacters(TerminalEscape().Replace(line, "").Replace("\r\n", "\n", StringComparison.Ordinal));
            line = CanonicalForm.Compose(line);
            if (line == before)
                break;
        }
        return line;
    }

    private static string FixCharacters(string line)
    {
        var fixedLine = new StringBuilder(line.Length);
        foreach (var rune in line.EnumerateRunes())
        {
            var value = rune.Value;
            var character = value is >= 0x80 and <= 0x9F ? WindowsEncoding.Western.Decode((byte)value) : (char)value;
            if (value > 0xFFFF)
                fixedLine.Append(rune);
            else if (Apart(character) is { } several)
                fixedLine.Append(several);
            else if (!IsNoise(character))
                fixedLine.Append(Plain(CharacterWidth.Standard(character)));
        }
        return fixedLine.ToString();
    }

    private static char Plain(char character) => character switch
    {
        '\u02BC' or (>= '\u2018' and <= '\u201B') => '\'',
        >= '\u201C' and <= '\u201F' => '"',
        '\r' or '\u2028' or '\u2029' => '\n',
        _ => character,
    };

    /// <summary>Controls that nobody means, in the main those that Unicode advises against in markup (UTR 20).</summary>
    private static bool IsNoise(char character) =>
        character is <= '\u0008' or '\u000B' or (>= '\u000E' and <= '\u001F') or '\u007F'
            or (>= '\u206A' and <= '\u206F') or '\uFEFF' or (>= '\uFFF9' and <= '\uFFFC');

    /// <summary>The letters of a Latin ligature.</summary>
    private static string? Apart(char character) => character switch
    {
        'Ĳ' => "IJ",
        'ĳ' => "ij",
        'ŉ' => "'n",
        'Ǆ' => "DŽ",
        'ǅ' => "Dž",
        'ǆ' => "dž",
        'Ǉ' => "LJ",
        'ǈ' => "Lj",
        'ǉ' => "lj",
        'Ǌ' => "NJ",
        'ǋ' => "Nj",
        'ǌ' => "nj",
        'Ǳ' => "DZ",
        'ǲ' => "Dz",
        'ǳ' => "dz",
        'ﬀ' => "ff",
        'ﬁ' => "fi",
        'ﬂ' => "fl",
        'ﬃ' => "ffi",
        'ﬄ' => "ffl",
        'ﬅ' => "ſt",
        'ﬆ' => "st",
        '￣' => " \u0304",
        _ => null,
    };

    // Whatever a text without these holds, there is nothing to fix.
    [GeneratedRegex(@"[^\t\n\f -~]|&")]
    private static partial Regex Suspicious();

    // Colours and the like (ECMA-48).
    [GeneratedRegex(@"\x1B\[[0-9;]*[a-zA-Z]")]
    private static partial Regex TerminalEscape();
}
