using System.Numerics.Tensors;

namespace Dalle.ML.Generation;

/// <summary>Draws a token from logits. Holds scratch memory: for one thread at a time.</summary>
internal sealed class Sampler(int vocabulary, float temperature, int topK, float topP)
{
    private readonly float[] _probabilities = new float[vocabulary];
    private readonly float[] _sorted = new float[vocabulary];

    /// <summary>Classifier-free guidance in place: u + scale · (c − u).</summary>
    public static void Guide(Span<float> conditional, ReadOnlySpan<float> unconditional, float scale)
    {
        TensorPrimitives.Subtract(conditional, unconditional, conditional);
        TensorPrimitives.MultiplyAdd(conditional, scale, unconditional, conditional);
    }

    /// <summary>The token at a point of the unit interval that the tokens share in the proportion of their probabilities.</summary>
    public int Sample(ReadOnlySpan<float> logits, double uniform)
    {
        if (temperature == 0 || topK == 1)
            return TensorPrimitives.IndexOfMax(logits);

        var probabilities = Probabilities(logits);
        var total = 0.0;
        foreach (var probability in probabilities)
            total += probability;
        var (point, sum, last) = (uniform * total, 0.0, 0);
        for (var token = 0; token < probabilities.Length; token++)
        {
            if (probabilities[token] == 0)
                continue;
            sum += probabilities[token];
            last = token;
            if (sum > point)
                break;
        }
        return last;
    }

    /// <summary>The probabilities after all filters, up to a common factor; what is filtered out has none.</summary>
    public ReadOnlySpan<float> Probabilities(ReadOnlySpan<float> logits)
    {
        var probabilities = _probabilities.AsSpan();
        // Nothing above zero, so that no exponential overflows, however low the temperature.
        TensorPrimitives.Subtract(logits, TensorPrimitives.Max(logits), probabilities);
        TensorPrimitives.Divide(probabilities, temperature, probabilities);
        if (topK > 0 && topK < vocabulary)
            KeepFrom(SortDescending(probabilities)[topK - 1], float.NegativeInfinity);
        TensorPrimitives.SoftMax(probabilities, probabilities);
        if (topP < 1)
            KeepFrom(NucleusEdge(SortDescending(probabilities)), 0);
        return probabilities;
    }

    /// <summary>The smallest probability of those that are needed to reach top-p.</summary>
    private float NucleusEdge(ReadOnlySpan<float> descending)
    {
        var (before, last) = (0f, 0);
        while (last < descending.Length - 1 && before + descending[last] < topP)
            before += descending[last++];
        return descending[last];
    }

    private void KeepFrom(float least, float otherwise)
    {
        foreach (ref var value in _probabilities.AsSpan())
        {
            if (value < least)
                value = otherwise;
        }
    }

    private Span<float> SortDescending(ReadOnlySpan<float> values)
    {
        values.CopyTo(_sorted);
        Array.Sort(_sorted);
        Array.Reverse(_sorted);
        return _sorted;
    }
}
