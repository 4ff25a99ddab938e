namespace Dalle.ML;

/// <summary>Orders candidates by their numbers, the better first; one without a number is last.</summary>
internal sealed class CandidateOrder(RankBy by) : IComparer<(float Score, float Perplexity)>
{
    /// <summary>The best first; of equal ones the earlier.</summary>
    public IEnumerable<T> Sort<T>(IEnumerable<T> candidates, Func<T, (float Score, float Perplexity)> numbers) => candidates.OrderBy(numbers, this);

    public int Compare((float Score, float Perplexity) x, (float Score, float Perplexity) y)
    {
        var order = by == RankBy.Perplexity ? 0 : y.Score.CompareTo(x.Score);
        return order != 0 || by == RankBy.Clip ? order : Known(x.Perplexity).CompareTo(Known(y.Perplexity));
    }

    private static float Known(float perplexity) => float.IsNaN(perplexity) ? float.PositiveInfinity : perplexity;
}
