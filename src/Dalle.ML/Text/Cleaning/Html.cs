using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace Dalle.ML.Text.Cleaning;

/// <summary>HTML's character references (WHATWG HTML, section 13.5).</summary>
/// <remarks>
/// Names are those of HTML 4, which the framework knows. The two thousand that HTML 5 added, such as <c>&amp;check;</c>, stay as they are.
/// </remarks>
internal static partial class Html
{
    // Wrong forms of names that browsers take all the same.
    private static readonly string[] UpperCaseNames = ["AMP", "COPY", "GT", "LT", "QUOT", "REG"];

    /// <summary>Resolves references as browsers do, also without their semicolon: Python's <c>html.unescape</c>.</summary>
    public static string Unescape(string text) =>
        Lenient().Replace(text, reference => Resolve(reference.Groups[1].Value) ?? reference.Value);

    /// <summary>Resolves what is plainly a reference, also a name in capitals, <c>&amp;EACUTE;</c>: ftfy's <c>unescape_html</c>.</summary>
    public static string UnescapePlain(string text) =>
        Plain().Replace(text, reference => ResolvePlain(reference.Groups[1].Value) ?? reference.Value);

    private static string? Resolve(string reference)
    {
        if (reference[0] == '#')
            return Numbered(reference.TrimEnd(';'));
        if (reference.EndsWith(';') && Named(reference[..^1]) is { } whole)
            return whole;
        for (var length = reference.Length; length > 1; length--)
        {
            if (reference[length - 1] != ';' && NamedWithoutSemicolon(reference[..length]) is { } character)
                return character + reference[length..];
        }
        return null;
    }

    private static string? ResolvePlain(string reference)
    {
        if (reference[0] == '#')
            return NumberedReference().IsMatch(reference) ? Numbered(reference) : null;
        if (Named(reference) is { } character)
            return character;
        return reference.Any(char.IsAsciiLetterLower) ? null
            : Named(reference.ToLowerInvariant())?.Replace("ß", "ss", StringComparison.Ordinal).ToUpperInvariant();
    }

    private static string? Named(string name)
    {
        if (name is "lang" or "rang")
            return name == "lang" ? "⟨" : "⟩";
        var reference = $"&{(UpperCaseNames.Contains(name) ? name.ToLowerInvariant() : name)};";
        var character = WebUtility.HtmlDecode(reference);
        return character != reference ? character : null;
    }

    // The oldest names, of the characters of Latin-1.
    private static string? NamedWithoutSemicolon(string name) =>
        name != "apos" && Named(name) is [<= '\u00FF'] character ? character : null;

    private static string Numbered(string reference)
    {
        var (prefix, style) = reference[1] is 'x' or 'X' ? (2, NumberStyles.AllowHexSpecifier) : (1, NumberStyles.None);
        var digits = reference.AsSpan(prefix).TrimStart('0');
        if (digits.Length > 8)
            return "\uFFFD";
        var number = digits.IsEmpty ? 0 : long.Parse(digits, style, CultureInfo.InvariantCulture);
        return number switch
        {
            0 or (>= 0xD800 and <= 0xDFFF) or > 0x10FFFF => "\uFFFD",
            >= 0x80 and <= 0x9F => WindowsEncoding.Western.Decode((byte)number).ToString(),
            (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or (>= 0xFDD0 and <= 0xFDEF) => "",
            _ when (number & 0xFFFE) == 0xFFFE => "",
            _ => new Rune((int)number).ToString(),
        };
    }

    [GeneratedRegex(@"&(#[0-9]+;?|#[xX][0-9a-fA-F]+;?|[^\t\n\f <&#;]{1,32};?)")]
    private static partial Regex Lenient();

    [GeneratedRegex("&(#?[0-9A-Za-z]{1,24});")]
    private static partial Regex Plain();

    [GeneratedRegex("^#(?:[0-9]+|[xX][0-9a-fA-F]+)$")]
    private static partial Regex NumberedReference();
}
