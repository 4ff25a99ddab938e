using System.Buffers;
using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>UTF-8 that was read as Latin-1 or Windows-1252, once or several times: <c>cafÃ©</c>, <c>donâ€™t</c>.</summary>
/// <remarks>
/// What reads as UTF-8 is taken as such only on evidence, as <c>CAFÉ…</c> does so by accident. The evidence is our own and less than that of
/// ftfy, which knows eight further encodings (of Cyrillic, Greek, Central European letters and of the Mac), bytes that were lost or became
/// spaces, and more unlikely neighbours.
/// </remarks>
internal static class Mojibake
{
    // Each level doubles a text's accents; more are not seen.
    private const int MaxLevels = 8;

    public static string Mend(string text)
    {
        for (var level = 0; level < MaxLevels && MendOnce(text) is { } mended; level++)
            text = mended;
        return text;
    }

    /// <summary>The text with one level undone; null where there is none.</summary>
    private static string? MendOnce(string text)
    {
        StringBuilder? mended = null;
        for (int at = 0, end; at < text.Length; at = end)
        {
            end = at;
            var isLikely = false;
            while (SequenceAt(text, end) is > 0 and var length)
            {
                isLikely |= IsEvidence(text, end, length);
                end += length;
            }
            if (isLikely && Decode(text.AsSpan(at, end - at)) is var decoded && FitsIn(text, at, end, decoded))
            {
                (mended ??= new StringBuilder(text.Length).Append(text, 0, at)).Append(decoded);
                continue;
            }
            end = Math.Max(end, at + 1);
            mended?.Append(text, at, end - at);
        }
        return mended?.ToString();
    }

    private static string Decode(ReadOnlySpan<char> sequences)
    {
        var bytes = new byte[sequences.Length];
        for (var i = 0; i < bytes.Length; i++)
            Windows1252.TryEncode(sequences[i], out bytes[i]);
        return Encoding.UTF8.GetString(bytes);
    }

    /// <summary>The number of characters from a place on that are the bytes of one character beyond ASCII; 0 if they are none.</summary>
    private static int SequenceAt(string text, int at)
    {
        Span<byte> bytes = stackalloc byte[4];
        var count = 0;
        while (count < bytes.Length && at + count < text.Length && Windows1252.TryEncode(text[at + count], out bytes[count]))
            count++;
        return Rune.DecodeFromUtf8(bytes[..count], out _, out var length) == OperationStatus.Done && length > 1 ? length : 0;
    }

    /// <summary>Whether nobody writes these characters side by side.</summary>
    private static bool IsEvidence(string text, int at, int length)
    {
        var (lead, last) = (text[at], text[at + length - 1]);
        var (before, after) = (at > 0 ? text[at - 1] : ' ', at + length < text.Length ? text[at + length] : ' ');
        if (length > 2)
            return length > 3 || !(IsClosing(text[at + 1]) && IsClosing(last));
        return lead switch
        {
            // Latin-1 comes out as these two, of which hardly a word ends in one.
            'Â' or 'Ã' => last is not ('…' or '’'),
            // A sign of arithmetic stands beside many others, but not beside itself.
            '×' => after == '×',
            // Ends of words, and eyes and mouths of faces drawn with letters.
            'ß' or 'Þ' or (>= 'Ò' and <= 'Ö') or (>= 'Ù' and <= 'Û') => false,
            _ when IsClosing(last) => last == '°' || (char.IsLetterOrDigit(after) && last is '™' or '®' or '»' or '›' or '”'),
            _ when IsOpening(last) => lead is 'Î' or 'Ð' || char.IsAsciiLetterLower(before),
            // What else follows are symbols, and letters of Central Europe, where only those follow that Latin, Greek and Cyrillic come out as.
            _ => !char.IsLetter(last) || last is 'ª' or 'º' || lead is 'Ä' or 'Å' or 'Î' or 'Ï' or 'Ð' or 'Ñ',
        };
    }

    /// <summary>What follows a word in clean text: punctuation, trade marks, and characters that cannot be seen.</summary>
    private static bool IsClosing(char character) => character is '…' or '’' or '”' or '»' or '›' or '–' or '—' or '™' or '®' or '°' or '·' or '´' or '\u00A0' or '\u00AD';

    /// <summary>What precedes a word or a number.</summary>
    private static bool IsOpening(char character) => character is '¡' or '¿' or '«' or '‹' or '“' or '‘' or '‚' or '„' or '•' or '©' or '¢' or '£' or '¥' or '€';

    /// <summary>Whether what was decoded can stand where it would: no other letters than Latin ones beside ASCII.</summary>
    private static bool FitsIn(string text, int start, int end, string decoded)
    {
        var isOther = decoded.EnumerateRunes().Any(rune => rune.Value is > 0x24F and not (>= 0x1E00 and <= 0x1EFF) && Rune.IsLetter(rune));
        var touchesLetter = (start > 0 && char.IsAsciiLetter(text[start - 1])) || (end < text.Length && char.IsAsciiLetter(text[end]));
        return !(isOther && touchesLetter);
    }
}
