using System.Numerics.Tensors;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>Samples a token from logits. Holds scratch memory, so it is not thread-safe.</summary>
internal sealed class Sampler(int vocabulary, float temperature, int topK, float topP)
{
    private readonly float[] _probabilities = new float[vocabulary];
    private readonly float[] _scratch = new float[vocabulary];

    /// <summary>Classifier-free guidance in place: u + scale · (c − u).</summary>
    public static void ApplyGuidance(Span<float> conditional, ReadOnlySpan<float> unconditional, float scale)
    {
        TensorPrimitives.Subtract(conditional, unconditional, conditional);
        TensorPrimitives.MultiplyAdd(conditional, scale, unconditional, conditional);
    }

    /// <summary>The token at a point of the unit interval, which the tokens divide in proportion to their probabilities.</summary>
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

    /// <summary>The probabilities after all filters, up to a common factor; 0 for filtered-out tokens.</summary>
    public ReadOnlySpan<float> Probabilities(ReadOnlySpan<float> logits)
    {
        var probabilities = _probabilities.AsSpan();
        // Nothing above zero, so that no exponential overflows, however low the temperature.
        TensorPrimitives.Subtract(logits, TensorPrimitives.Max(logits), probabilities);
        TensorPrimitives.Divide(probabilities, temperature, probabilities);
        if (topK > 0 && topK < vocabulary)
            Mask(FindThreshold(topK, isMass: false).Value, equals: vocabulary, otherwise: float.NegativeInfinity);
        TensorPrimitives.SoftMax(probabilities, probabilities);
        if (topP < 1)
        {
            var (least, lacking) = FindThreshold(topP, isMass: true);
            Mask(least, equals: (int)Math.Ceiling(lacking / least), otherwise: 0);
        }
        return probabilities;
    }

    /// <summary>Keeps values above a threshold, and the first of those equal to it.</summary>
    private void Mask(float least, int equals, float otherwise)
    {
        foreach (ref var value in _probabilities.AsSpan())
        {
            if (value < least || (value == least && equals-- <= 0))
                value = otherwise;
        }
    }

    /// <summary>
    /// The largest value such that what is not below it is enough, in number or in the sum of values, and how much of this is lacking above
    /// it. Weighted quickselect (Hoare 1961): of thousands of tokens few are kept, and sorting all of them took longer than a step of a small
    /// model.
    /// </summary>
    private (float Value, double Lacking) FindThreshold(double enough, bool isMass)
    {
        var values = _scratch.AsSpan();
        _probabilities.CopyTo(values);
        while (true)
        {
            // Values above the pivot go to [0, above), those below it to [below, …), equal ones stay between.
            var pivot = Median(values[0], values[values.Length / 2], values[^1]);
            var (above, below, mass) = (0, values.Length, 0.0);
            for (var i = 0; i < below;)
            {
                var value = values[i];
                if (value > pivot)
                {
                    mass += value;
                    (values[i], values[above]) = (values[above], value);
                    above++;
                    i++;
                }
                else if (value < pivot)
                {
                    below--;
                    (values[i], values[below]) = (values[below], value);
                }
                else
                {
                    i++;
                }
            }
            var weightAbove = isMass ? mass : above;
            var weight = weightAbove + (below - above) * (isMass ? pivot : 1.0);
            if (weightAbove >= enough)
            {
                values = values[..above];
            }
            else if (weight >= enough || below == values.Length)
            {
                return (pivot, enough - weightAbove);
            }
            else
            {
                enough -= weight;
                values = values[below..];
            }
        }
    }

    private static float Median(float a, float b, float c) => MathF.Max(MathF.Min(a, b), MathF.Min(MathF.Max(a, b), c));
}
