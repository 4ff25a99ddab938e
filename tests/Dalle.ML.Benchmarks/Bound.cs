namespace Dalle.ML.Benchmarks;

/// <summary>A measured amount of work, by which the least time of any other amount of the same work is known.</summary>
/// <param name="Measurement">The time of the work, of which the least counts.</param>
/// <param name="Work">How much of it: bytes or operations.</param>
internal sealed record Bound(Measurement Measurement, Func<double> Work)
{
    /// <summary>How far samples of a bound may be apart.</summary>
    public const double MostRange = 0.1;

    /// <summary>
    /// The share of a measurement's time that its work would need at best: 1 is the bound itself. A machine whose own samples differ by more than a
    /// tenth has no bound to hold anything against.
    /// </summary>
    public Figure Share(Results results, Measurement measurement, double work, string key, string name)
    {
        if (results.Range(Measurement) > MostRange)
            return new Figure(key, null, $"{name} unsteady");
        var share = results.Minimum(Measurement) * work / Work() / results.Median(measurement);
        return new Figure(key, share, $"{share:F2} of the {name}");
    }

    /// <summary>How far the samples of a bound are apart.</summary>
    public static IEnumerable<Figure> Steadiness(Results results, Measurement measurement)
    {
        var range = results.Range(measurement);
        yield return new Figure("range", range, $"samples {range:P0} apart{(range > MostRange ? ": unsteady, no bound" : "")}");
    }
}
