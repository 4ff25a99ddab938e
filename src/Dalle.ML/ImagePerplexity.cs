namespace Dalle.ML;

/// <summary>How much an image surprises the transformer: ru-dALLE's measure.</summary>
internal static class ImagePerplexity
{
    // −log p of a token that a 32-bit softmax holds for certain, at most.
    private const double Certain = 1.0 / (1 << 24);

    /// <summary>The mean of 1/p over the tokens but the first, and but those that are certain, which the project's code does not count.</summary>
    /// <param name="logProbabilities">The natural logarithms of the tokens' probabilities.</param>
    public static float Of(IReadOnlyList<double> logProbabilities) =>
        (float)logProbabilities.Skip(1).Where(value => -value > Certain).Select(value => Math.Exp(-value)).DefaultIfEmpty(1).Average();
}
