namespace Dalle.ML.Benchmarks;

/// <summary>The samples of all measurements of a run.</summary>
internal sealed class Results
{
    private readonly Dictionary<Measurement, List<double>> _samples;

    private Results(IEnumerable<Measurement> measurements) =>
        _samples = measurements.ToDictionary(measurement => measurement, _ => new List<double>());

    public IReadOnlyCollection<Measurement> Measurements => _samples.Keys;

    /// <summary>Measures in rounds, each measurement once a round, so that a machine that slows down does so for all.</summary>
    /// <param name="measurements">What to measure; their baselines come along.</param>
    /// <param name="rounds">Number of samples each.</param>
    public static Results Measure(IEnumerable<Measurement> measurements, int rounds)
    {
        var results = new Results(measurements.SelectMany(WithBaselines).Distinct());
        foreach (var measurement in results.Measurements)
            measurement.WarmUp();
        for (var round = 0; round < rounds; round++)
        {
            foreach (var (measurement, samples) in results._samples)
                samples.Add(measurement.Sample());
        }
        return results;
    }

    /// <summary>The samples in the order of the rounds.</summary>
    public IReadOnlyList<double> Samples(Measurement measurement) => _samples[measurement];

    public double Minimum(Measurement measurement) => _samples[measurement].Min();

    /// <summary>How far the samples are apart: the largest less the smallest, as a share of the smallest.</summary>
    public double Range(Measurement measurement) => _samples[measurement].Max() / Minimum(measurement) - 1;

    /// <summary>How far the middle half of the samples reaches, as a share of the median.</summary>
    public double Spread(Measurement measurement)
    {
        var sorted = _samples[measurement].Order().ToArray();
        return (sorted[sorted.Length - 1 - sorted.Length / 4] - sorted[sorted.Length / 4]) / Median(measurement);
    }

    public double Median(Measurement measurement) => Median(_samples[measurement]);

    /// <summary>How many times another a measurement takes, both of one round: what disturbs a round disturbs both.</summary>
    public double MedianRatio(Measurement measurement, Measurement other) =>
        Median(_samples[measurement].Zip(_samples[other], (sample, beside) => sample / beside));

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>How far a median may be off, by the spread of its samples: that of the normal distribution.</summary>
    public static double StandardErrorOfMedian(IReadOnlyCollection<double> values)
    {
        var median = Median(values);
        const double DeviationOfMedianDeviation = 1.4826;
        var deviation = DeviationOfMedianDeviation * Median(values.Select(value => Math.Abs(value - median)));
        return Math.Sqrt(Math.PI / 2 / values.Count) * deviation;
    }

    private static IEnumerable<Measurement> WithBaselines(Measurement measurement) =>
        measurement.Baselines.SelectMany(WithBaselines).Append(measurement);
}
