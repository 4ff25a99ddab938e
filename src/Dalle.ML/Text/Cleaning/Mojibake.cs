using System.Buffers;
using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>UTF-8 that was read as a code page of Windows or as Latin-1, once or several times: <c>cafÃ©</c>, <c>donâ€™t</c>.</summary>
/// <remarks>
/// What can be read as UTF-8 is taken as such only on evidence, as <c>CAFÉ…</c> can be so by accident. The evidence is our own and less
/// than that of ftfy, which also knows Cyrillic and Greek code pages and those of the Mac and of DOS, bytes that were lost or became
/// spaces, and more neighbours that are unlikely.
/// </remarks>
internal static class Mojibake
{
    // Each level doubles a text's accents; more are not seen.
    private const int MaxLevels = 4;

    private static readonly WindowsEncoding[] Encodings =
        [WindowsEncoding.Western, WindowsEncoding.CentralEuropean, WindowsEncoding.Turkish, WindowsEncoding.Baltic];

    public static string Mend(string text)
    {
        for (var level = 0; level < MaxLevels && MendOnce(text) is { } mended; level++)
            text = mended;
        return text;
    }

    /// <summary>The text with one level undone; null where there is none.</summary>
    private static string? MendOnce(string text)
    {
        var isWhole = new bool?[Encodings.Length];
        StringBuilder? mended = null;
        for (int at = 0, next; at < text.Length; at = next)
        {
            next = at + 1;
            for (var i = 0; i < Encodings.Length && text[at] > '\u007F'; i++)
            {
                var (encoding, end) = (Encodings[i], EndOfRun(text, at, Encodings[i]));
                if (end == at)
                    continue;
                next = Math.Max(next, end);
                // What stands around tells more, but only of a text that was read wrongly as a whole.
                isWhole[i] ??= text.All(character => encoding.TryEncode(character, out _));
                var run = text[at..end];
                if (isWhole[i] == true ? IsLikely(text, at, end, encoding) : IsLikely(run, 0, run.Length, encoding))
                {
                    (mended ??= new StringBuilder(text.Length).Append(text, 0, at)).Append(Decode(run, encoding));
                    at = next = end;
                    break;
                }
            }
            mended?.Append(text, at, next - at);
        }
        return mended?.ToString();
    }

    private static string Decode(string run, WindowsEncoding encoding) =>
        Encoding.UTF8.GetString([.. run.Select(character => encoding.TryEncode(character, out var value) ? value : default)]);

    /// <summary>Where the characters end that are, one after the other, the bytes of characters beyond ASCII.</summary>
    private static int EndOfRun(string text, int start, WindowsEncoding encoding)
    {
        var end = start;
        while (SequenceAt(text, end, encoding) is > 0 and var length)
            end += length;
        return end;
    }

    /// <summary>The number of characters that are the bytes of one character beyond ASCII; 0 if they are none.</summary>
    private static int SequenceAt(string text, int at, WindowsEncoding encoding)
    {
        Span<byte> bytes = stackalloc byte[4];
        var count = at < text.Length && encoding.TryEncode(text[at], out bytes[0]) && bytes[0] > 0xC1 ? 1 : 0;
        while (count is > 0 and < 4 && at + count < text.Length && encoding.TryEncode(text[at + count], out bytes[count]))
            count++;
        return Rune.DecodeFromUtf8(bytes[..count], out _, out var length) == OperationStatus.Done && length > 1 ? length : 0;
    }

    private static bool IsLikely(string text, int start, int end, WindowsEncoding encoding)
    {
        for (int at = start, length; at < end; at += length)
        {
            length = SequenceAt(text, at, encoding);
            if (length > 3 || (length == 3 ? IsUnlikelyTriple(text, at) : IsUnlikelyPair(text, at)))
                return true;
        }
        return false;
    }

    /// <summary>Whether nobody writes these three side by side: symbols after a letter, or what punctuation and dingbats begin with.</summary>
    private static bool IsUnlikelyTriple(string text, int at) => text[at] == 'â' || IsSymbol(text[at + 1]) || IsSymbol(text[at + 2]);

    /// <summary>Whether nobody writes these two side by side.</summary>
    private static bool IsUnlikelyPair(string text, int at)
    {
        var (lead, last) = (text[at], text[at + 1]);
        var (before, after) = (at > 0 ? text[at - 1] : ' ', at + 2 < text.Length ? text[at + 2] : ' ');
        return lead switch
        {
            // Latin-1 comes out as these two, of which hardly a word ends in one.
            'Â' or 'Ã' => last is not ('…' or '’'),
            // A sign of arithmetic stands beside many others, but not beside itself.
            '×' => after == '×',
            // Ends of words, and eyes and mouths of emoticons.
            'ß' or 'Þ' or 'Ō' or 'Ő' or 'Ū' or 'Ų' or (>= 'Ò' and <= 'Ö') or (>= 'Ù' and <= 'Û') => false,
            _ when IsClosing(last) => last == '°' || (char.IsLetterOrDigit(after) && last is '™' or '®' or '»' or '›' or '”'),
            _ when IsOpening(last) => lead is 'Î' or 'Ð' || char.IsAsciiLetterLower(before) || char.IsLetter(after),
            // Letters that Latin, Greek and Cyrillic come out as.
            'Ä' or 'Å' or 'Î' or 'Ï' or 'Ð' or 'Ñ' when last is 'Œ' or 'œ' or 'Š' or 'š' or 'Ž' or 'ž' or 'Ÿ' => true,
            _ => IsSymbol(last),
        };
    }

    /// <summary>The characters that follow a word in clean text: punctuation, trade marks, dots, and characters that cannot be seen.</summary>
    private static bool IsClosing(char character) => "…’”»›–—™®°·•´\u00A0\u00AD".Contains(character, StringComparison.Ordinal);

    /// <summary>The characters that precede a word or a number.</summary>
    private static bool IsOpening(char character) => "¡¿«‹“‘‚„©¢£¥€".Contains(character, StringComparison.Ordinal);

    /// <summary>Other characters that are not letters, or only look like letters.</summary>
    private static bool IsSymbol(char character) =>
        "ªºµƒˆˇ".Contains(character, StringComparison.Ordinal) || !(IsClosing(character) || IsOpening(character) || char.IsLetter(character));
}
