using System.Buffers;
using System.Globalization;
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
        if (length > 2)
            return length > 3 || !(IsClosing(text[at + 1]) && IsClosing(last));
        // Signs of arithmetic stand beside many others, and sharp s at the end of words.
        if (lead is '×' or 'ß')
            return false;
        if (!IsClosing(last))
            return lead is 'Â' or 'Ã' or 'Ä' or 'Å' or 'Î' or 'Ï' or 'Ð' or 'Ñ' || !char.IsLetter(last);
        var isWithinWord = at + length < text.Length && char.IsLetterOrDigit(text[at + length]);
        return lead switch
        {
            'Â' or 'Ã' => isWithinWord || last is not ('…' or '’'),
            _ => isWithinWord && last is '™' or '®' or '»' or '›' or '”',
        };
    }

    /// <summary>What follows a word in clean text: punctuation, trade marks, and characters that cannot be seen.</summary>
    private static bool IsClosing(char character) => character is '…' or '’' or '”' or '»' or '›' or '–' or '—' or '™' or '®' or '°' or '·' or '´' or '\u00A0' or '\u00AD';

    /// <summary>Whether what was decoded can stand where it would: no lone mark, and no other script within a word of ASCII letters.</summary>
    private static bool FitsIn(string text, int start, int end, string decoded)
    {
        var first = Rune.GetRuneAt(decoded, 0);
        var isOther = decoded.EnumerateRunes().Any(rune => rune.Value > 0x24F && Rune.IsLetter(rune));
        var touchesLetter = (start > 0 && char.IsAsciiLetter(text[start - 1])) || (end < text.Length && char.IsAsciiLetter(text[end]));
        return Rune.GetUnicodeCategory(first) is not (UnicodeCategory.NonSpacingMark or UnicodeCategory.OtherNotAssigned) && !(isOther && touchesLetter);
    }
}
