using System.Buffers.Text;
using System.Text;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>The BPE of VKCOM's YouTokenToMe, which ru-dALLE uses, from its text models.</summary>
/// <remarks>
/// A model is <c>characters rules</c>, then lines of <c>codepoint id</c> and of <c>left right merged</c>, then <c>unk pad bos eos</c>. Two
/// of its tokens may have the same letters and differ by how these came together. ML.NET's
/// <see cref="Microsoft.ML.Tokenizers.BpeTokenizer"/> knows tokens by their letters alone: hence our own.
/// </remarks>
internal sealed class YouTokenToMe : ITextTokenizer
{
    private const char WordStart = '▁';

    // Placeholders that are not ids: a run of characters that the model lacks, and a symbol that was merged into the one before it.
    private const int Unrecognized = -1, Gone = -2;

    private static readonly char[] Spaces = ['\t', '\n', '\v', '\f', '\r', ' ', WordStart];

    private readonly Dictionary<int, int> _characters = [];
    private readonly Dictionary<(int Left, int Right), (int Rank, int Merged)> _rules = [];
    private readonly Dictionary<int, (int Left, int Right)> _parts = [];
    private readonly Dictionary<int, string> _texts = [];
    private readonly int _unknown;

    /// <exception cref="InvalidDataException">The file is not such a model.</exception>
    public YouTokenToMe(string model)
    {
        var (bytes, at) = (TokenizerFile.ReadBytes(model), 0);
        var (characters, rules) = (Next(), Next());
        for (var i = 0; i < characters; i++)
        {
            var (character, id) = (Next(), Next());
            _characters[character] = id;
            _texts[id] = Rune.TryCreate(character, out var rune) ? rune.ToString() : "\uFFFD";
        }
        for (var rank = 0; rank < rules; rank++)
        {
            var (left, right, merged) = (Next(), Next(), Next());
            _rules[(left, right)] = (rank, merged);
            _parts[merged] = (left, right);
        }
        // Unknown, padding, start and end of text; all but the first may be missing.
        (_unknown, var padding, var start, var end) = (Next(), Next(least: -1), Next(least: -1), Next(least: -1));
        foreach (var (id, text) in new[] { (_unknown, "<UNK>"), (padding, "<PAD>"), (start, "<BOS>"), (end, "<EOS>") })
            _texts.TryAdd(id, text);
        if (bytes.AsSpan(at).ContainsAnyExcept(" \r\n"u8))
            throw Error($"is not a text model of YouTokenToMe: data follows its end, at byte {at}");
        if (!_characters.ContainsKey(WordStart))
            throw Error($"lacks the character {WordStart} (U+2581), which begins every word");

        int Next(int least = 0)
        {
            while (at < bytes.Length && bytes[at] is (byte)' ' or (byte)'\r' or (byte)'\n')
                at++;
            if (!Utf8Parser.TryParse(bytes.AsSpan(at), out int number, out var length) || number < least)
                throw Error($"is not a text model of YouTokenToMe: it has no number at byte {at}");
            at += length;
            return number;
        }

        InvalidDataException Error(string message) => new($"'{Path.GetFileName(model)}' {message}");
    }

    public IEnumerable<int> Encode(string text) => text.Split(Spaces, StringSplitOptions.RemoveEmptyEntries).SelectMany(EncodeWord);

    /// <exception cref="InvalidDataException">A token is longer than any of a tokenizer, or its own part.</exception>
    public string Decode(IEnumerable<int> ids)
    {
        var text = new StringBuilder();
        foreach (var id in ids)
            Append(id, text);
        return text.Replace(WordStart, ' ').ToString().TrimStart(' ');
    }

    /// <summary>Appends a token's text: a character, or the texts of the two tokens that it was merged from.</summary>
    private void Append(int token, StringBuilder text)
    {
        var (open, left) = (new Stack<int>([token]), BpeFiles.MaxTokenLength);
        while (open.TryPop(out var id))
        {
            if (--left < 0)
                throw new InvalidDataException($"the token {token} has more than {BpeFiles.MaxTokenLength} parts");
            if (_texts.TryGetValue(id, out var known))
            {
                text.Append(known);
            }
            else if (_parts.TryGetValue(id, out var parts))
            {
                open.Push(parts.Right);
                open.Push(parts.Left);
            }
        }
    }

    private IEnumerable<int> EncodeWord(string word)
    {
        List<int> ids = [_characters[WordStart]];
        foreach (var rune in word.EnumerateRunes())
        {
            var id = _characters.GetValueOrDefault(rune.Value, Unrecognized);
            if (id != Unrecognized || ids[^1] != Unrecognized)
                ids.Add(id);
        }
        Merge(ids);
        return ids.Where(id => id != Gone).Select(id => id == Unrecognized ? _unknown : id);
    }

    /// <summary>Applies the rule of the lowest rank, to the leftmost of several pairs, until none fits.</summary>
    /// <remarks>The symbols are a linked list and their pairs a heap, so that a word of n letters takes n log n steps.</remarks>
    private void Merge(List<int> ids)
    {
        var queue = new PriorityQueue<(int At, int Left, int Right), (int Rank, int At)>();
        int[] previous = [.. Enumerable.Range(-1, ids.Count)], next = [.. Enumerable.Range(1, ids.Count)];
        for (var i = 0; i < ids.Count; i++)
            Enqueue(i);
        while (queue.TryDequeue(out var pair, out _))
        {
            var (at, right) = (pair.At, next[pair.At]);
            // Either symbol may have been merged into another since.
            if (ids[at] != pair.Left || right >= ids.Count || ids[right] != pair.Right)
                continue;
            (ids[at], ids[right]) = (_rules[(pair.Left, pair.Right)].Merged, Gone);
            next[at] = next[right];
            if (next[at] < ids.Count)
                previous[next[at]] = at;
            Enqueue(previous[at]);
            Enqueue(at);
        }

        void Enqueue(int at)
        {
            if (at >= 0 && next[at] < ids.Count && _rules.TryGetValue((ids[at], ids[next[at]]), out var rule))
                queue.Enqueue((at, ids[at], ids[next[at]]), (rule.Rank, at));
        }
    }
}
