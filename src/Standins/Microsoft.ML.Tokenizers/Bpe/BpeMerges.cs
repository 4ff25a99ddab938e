namespace Microsoft.ML.Tokenizers;

/// <summary>The merges of a byte pair encoding.</summary>
/// <remarks>After Sennrich, Haddow and Birch, "Neural Machine Translation of Rare Words with Subword Units".</remarks>
internal sealed class BpeMerges
{
    private const int Removed = -2;

    private readonly Dictionary<(int Left, int Right), (int Rank, int Merged)> _merges = [];

    /// <exception cref="InvalidOperationException">A merge is no pair, or the vocabulary lacks a token of it.</exception>
    public BpeMerges(BpeOptions options, IReadOnlyDictionary<string, int> vocabulary)
    {
        string prefix = options.ContinuingSubwordPrefix ?? "";
        int rank = 0;
        foreach (string merge in options.Merges ?? [])
        {
            if (!MergesFile.TryParse(merge, out string left, out string right))
                throw new InvalidOperationException($"Merge {rank + 1} is not two tokens with a space between them: '{merge}'.");
            string tail = right.StartsWith(prefix, StringComparison.Ordinal) ? right[prefix.Length..] : right;
            _merges[(IdOf(left), IdOf(right))] = (rank, IdOf(left + tail));
            rank++;

            int IdOf(string token) => vocabulary.TryGetValue(token, out int id)
                ? id
                : throw new InvalidOperationException($"Merge {rank + 1}, '{merge}', needs '{token}', which the vocabulary lacks.");
        }
    }

    /// <summary>Merges the pair of the lowest rank, the leftmost of several, until none is left.</summary>
    /// <remarks>The symbols are a linked list and their pairs a heap, so that a piece of n symbols takes n·log n steps.</remarks>
    public void Apply(List<BpeSymbol> symbols)
    {
        var queue = new PriorityQueue<(int At, int Left, int Right), (int Rank, int At)>();
        var previous = new int[symbols.Count];
        var next = new int[symbols.Count];
        for (int i = 0; i < symbols.Count; i++)
        {
            previous[i] = i - 1;
            next[i] = i + 1;
            Enqueue(i);
        }

        while (queue.TryDequeue(out var pair, out _))
        {
            // An entry is stale when one of its symbols has been merged into another since.
            int at = pair.At;
            int then = next[at];
            if (then >= symbols.Count || symbols[at].Id != pair.Left || symbols[then].Id != pair.Right)
                continue;

            int merged = _merges[(pair.Left, pair.Right)].Merged;
            symbols[at] = new BpeSymbol(merged, symbols[at].Start, symbols[then].End);
            symbols[then] = symbols[then] with { Id = Removed };
            next[at] = next[then];
            if (next[at] < symbols.Count)
                previous[next[at]] = at;
            Enqueue(at);
            if (previous[at] >= 0)
                Enqueue(previous[at]);
        }

        symbols.RemoveAll(symbol => symbol.Id == Removed);

        void Enqueue(int at)
        {
            if (next[at] >= symbols.Count)
                return;
            var (left, right) = (symbols[at].Id, symbols[next[at]].Id);
            if (_merges.TryGetValue((left, right), out var merge))
                queue.Enqueue((at, left, right), (merge.Rank, at));
        }
    }
}
