namespace Dalle.ML.Evaluation;

internal static class Moments
{
    /// <summary>The mean and the standard deviation with the divisor N.</summary>
    public static (double Mean, double StandardDeviation) Of(IReadOnlyCollection<double> values)
    {
        var mean = values.Average();
        return (mean, Math.Sqrt(values.Average(value => (value - mean) * (value - mean))));
    }
}
