namespace Dalle.ML.Benchmarks;

/// <summary>A measured amount of work, by which the least time of any other amount of the same work is known.</summary>
/// <param name="Measurement">The time of the work.</param>
/// <param name="Work">How much of it: bytes or operations.</param>
internal sealed record Bound(Measurement Measurement, double Work)
{
    /// <summary>The least time in milliseconds for some work, as measured in the same run.</summary>
    public double Time(Results results, double work) => results.Median(Measurement) * work / Work;

    /// <summary>The share of a measurement's time that its work would need at best: 1 is the bound itself.</summary>
    public double Share(Results results, Measurement measurement, double work) => Time(results, work) / results.Median(measurement);
}
