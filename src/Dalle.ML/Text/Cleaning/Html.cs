using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Dalle.ML.Text.Cleaning;

/// <summary>HTML's character references (WHATWG HTML, section 13.5), of which .NET itself knows only those of HTML 4.</summary>
internal static partial class Html
{
    private static readonly Lazy<Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>>> Known = new(Read);

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
        for (var length = reference.Length; length > 1; length--)
        {
            if (Known.Value.TryGetValue(reference.AsSpan(0, length), out var text))
                return text + reference[length..];
        }
        return null;
    }

    private static string? ResolvePlain(string reference)
    {
        // Where the semicolon is left, only a part was a reference.
        if (reference[0] == '#')
            return Unescape("&" + reference) is var number && number.Contains(';', StringComparison.Ordinal) ? null : number;
        if (Known.Value.TryGetValue(reference, out var text))
            return text;
        // A name in capitals is another one's only if it has no meaning itself, not even its beginning.
        return !reference.Any(char.IsAsciiLetterLower) && Resolve(reference) is null
            && Known.Value.TryGetValue(reference.ToLowerInvariant(), out var lower) ? Capitals(lower) : null;
    }

    /// <summary>Upper case by Unicode's full mapping, of what has a name. .NET's invariant mapping lacks these.</summary>
    private static string Capitals(string text) => text switch
    {
        "ı" => "I",
        "ß" => "SS",
        "ŉ" => "ʼN",
        "ﬀ" => "FF",
        "ﬁ" => "FI",
        "ﬂ" => "FL",
        "ﬃ" => "FFI",
        "ﬄ" => "FFL",
        _ => text.ToUpperInvariant(),
    };

    private static Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> Read()
    {
        var names = new Dictionary<string, string>();
        foreach (var line in DataFile.Lines("entities.txt"))
        {
            var fields = line.Split(' ');
            var text = fields[1..].Select(point => new Rune(int.Parse(point, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture)));
            names.Add(fields[0], string.Concat(text));
        }
        return names.GetAlternateLookup<ReadOnlySpan<char>>();
    }

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

    [GeneratedRegex("&(#?[0-9A-Za-z]{1,24};)")]
    private static partial Regex Plain();
}
