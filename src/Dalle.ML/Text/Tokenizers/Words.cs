using System.Text;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>How GPT-2 and CLIP cut a text into the words that their tokens do not reach across.</summary>
/// <remarks>Both define it by a regular expression over code points. Those of .NET see UTF-16, where 𝟘 is not a number: hence this code.</remarks>
internal static class Words
{
    private enum Kind
    {
        Space,
        Letter,
        Number,
        Other,
    }

    /// <summary>Runs of letters, of numbers or of others, each with the space before it (openai/gpt-2, <c>src/encoder.py</c>).</summary>
    public static IEnumerable<string> OfGpt2(string text)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            end = start + ContractionAt(text, start);
            if (end == start)
            {
                var first = text[start] == ' ' && start + 1 < text.Length && KindAt(text, start + 1) != Kind.Space ? start + 1 : start;
                end = EndOfRun(text, first);
                // Of several spaces the last belongs to the word that follows.
                if (char.IsWhiteSpace(text[first]) && end < text.Length && end - start > 1)
                    end--;
            }
            yield return text[start..end];
        }
    }

    /// <summary>Runs of letters or of others, and single numbers, without spaces (openai/CLIP, <c>clip/simple_tokenizer.py</c>).</summary>
    /// <param name="text">The text.</param>
    /// <param name="marks">Words in themselves where they start, whatever they consist of.</param>
    public static IEnumerable<string> OfClip(string text, IReadOnlyCollection<string> marks)
    {
        for (int start = 0, end; start < text.Length; start = end)
        {
            var kind = KindAt(text, start);
            end = start + (marks.FirstOrDefault(mark => text.AsSpan(start).StartsWith(mark))?.Length ?? ContractionAt(text, start));
            if (end == start)
                end = kind == Kind.Number ? start + RuneAt(text, start).Utf16SequenceLength : EndOfRun(text, start);
            if (kind != Kind.Space)
                yield return text[start..end];
        }
    }

    private static int ContractionAt(string text, int at)
    {
        if (text[at] != '\'')
            return 0;
        var rest = text.AsSpan(at + 1);
        if (rest.StartsWith("re") || rest.StartsWith("ve") || rest.StartsWith("ll"))
            return 3;
        return rest is ['s' or 't' or 'm' or 'd', ..] ? 2 : 0;
    }

    private static int EndOfRun(string text, int start)
    {
        var (kind, end) = (KindAt(text, start), start);
        while (end < text.Length && KindAt(text, end) == kind)
            end += RuneAt(text, end).Utf16SequenceLength;
        return end;
    }

    private static Kind KindAt(string text, int at)
    {
        var rune = RuneAt(text, at);
        if (Rune.IsWhiteSpace(rune))
            return Kind.Space;
        if (Rune.IsLetter(rune))
            return Kind.Letter;
        return Rune.IsNumber(rune) ? Kind.Number : Kind.Other;
    }

    /// <summary>The code point at a place; half of one, which has no meaning, counts as U+FFFD, of the same length.</summary>
    private static Rune RuneAt(string text, int at) => Rune.TryGetRuneAt(text, at, out var rune) ? rune : Rune.ReplacementChar;
}
