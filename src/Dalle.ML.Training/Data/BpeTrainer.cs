using System.Runtime.InteropServices;

namespace Dalle.ML.Training.Data;

/// <summary>
/// Learns byte-pair encoding (Sennrich et al. 2016): the pair of adjacent tokens that occurs most becomes one token, again and again. Of equally
/// frequent pairs the one that sorts last is taken, so that nothing depends on the order of the words.
/// </summary>
internal sealed class BpeTrainer
{
    // A pair that occurs once is a spelling mistake, or as good as one.
    private const int LeastCount = 2;

    private readonly List<(List<string> Tokens, long Count)> _words;
    private readonly Dictionary<(string First, string Second), long> _counts = [];
    private readonly Dictionary<(string First, string Second), HashSet<int>> _where = [];

    // A pair whose count fell stays in the queue under the old one, and is queued again when its turn comes.
    private readonly PriorityQueue<(string First, string Second), (long Count, string First, string Second)> _queue = new(
        Comparer<(long Count, string First, string Second)>.Create((x, y) =>
            x.Count != y.Count ? y.Count.CompareTo(x.Count)
            : string.CompareOrdinal(y.First, x.First) is not 0 and var order ? order : string.CompareOrdinal(y.Second, x.Second)));

    private BpeTrainer(IEnumerable<(List<string> Tokens, long Count)> words) => _words = [.. words];

    /// <summary>The merges of words, the most useful first, until no pair occurs twice.</summary>
    /// <param name="words">The tokens of each word, which are merged in place, and how often it occurs.</param>
    public static IEnumerable<(string First, string Second)> Merges(IEnumerable<(List<string> Tokens, long Count)> words) => new BpeTrainer(words).Run();

    /// <summary>Joins a pair wherever it occurs.</summary>
    public static void Merge(List<string> tokens, string first, string second)
    {
        var kept = 0;
        for (var i = 0; i < tokens.Count; i++, kept++)
        {
            var isPair = i + 1 < tokens.Count && tokens[i] == first && tokens[i + 1] == second;
            tokens[kept] = isPair ? first + second : tokens[i];
            if (isPair)
                i++;
        }
        tokens.RemoveRange(kept, tokens.Count - kept);
    }

    private IEnumerable<(string First, string Second)> Run()
    {
        for (var word = 0; word < _words.Count; word++)
            Count(word, sign: 1);
        foreach (var (pair, count) in _counts)
            _queue.Enqueue(pair, (count, pair.First, pair.Second));
        while (_queue.TryDequeue(out var pair, out var priority))
        {
            if (!_counts.TryGetValue(pair, out var count) || count < LeastCount)
                continue;
            if (count != priority.Count)
            {
                if (count < priority.Count)
                    _queue.Enqueue(pair, (count, pair.First, pair.Second));
                continue;
            }
            yield return pair;
            foreach (var word in _where[pair].ToArray())
            {
                Count(word, sign: -1);
                Merge(_words[word].Tokens, pair.First, pair.Second);
                foreach (var changed in Count(word, sign: 1))
                    _queue.Enqueue(changed, (_counts[changed], changed.First, changed.Second));
            }
            _counts.Remove(pair);
            _where.Remove(pair);
        }
    }

    /// <summary>Adds the pairs of a word to the counts, or takes them off.</summary>
    private List<(string First, string Second)> Count(int word, int sign)
    {
        var (tokens, count) = _words[word];
        var pairs = new List<(string First, string Second)>();
        for (var i = 0; i + 1 < tokens.Count; i++)
        {
            var pair = (tokens[i], tokens[i + 1]);
            pairs.Add(pair);
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, pair, out _) += sign * count;
            ref var where = ref CollectionsMarshal.GetValueRefOrAddDefault(_where, pair, out _);
            where ??= [];
            if (sign > 0)
                where.Add(word);
            else
                where.Remove(word);
        }
        return pairs;
    }
}
