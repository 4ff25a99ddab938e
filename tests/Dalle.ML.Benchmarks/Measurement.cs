using System.Diagnostics;

namespace Dalle.ML.Benchmarks;

/// <summary>One thing that is measured, in milliseconds or bytes: less is better.</summary>
/// <param name="name">What it is called and found by: its group, then itself.</param>
/// <param name="unit"><c>ms</c> or <c>B</c>.</param>
/// <param name="sample">Measures once.</param>
internal sealed class Measurement(string name, string unit, Func<double> sample)
{
    private static readonly TimeSpan WarmUpTime = TimeSpan.FromMilliseconds(200);

    public string Name => name;

    public string Unit => unit;

    /// <summary>What <see cref="Figures"/> are calculated from besides; they are measured whenever this is.</summary>
    public IReadOnlyList<Measurement> Baselines { get; init; } = [];

    /// <summary>What its result means; it is handed itself as well.</summary>
    public Func<Results, Measurement, IEnumerable<Figure>> Figures { get; init; } = (_, _) => [];

    public double Sample() => sample();

    /// <summary>Runs until everything is loaded, compiled and, mostly, optimised.</summary>
    public void WarmUp()
    {
        var clock = Stopwatch.StartNew();
        do
            Sample();
        while (clock.Elapsed < WarmUpTime);
    }
}

/// <summary>A number that follows from results.</summary>
/// <param name="Key">Its name in the file.</param>
/// <param name="Value">Shares are parts of one; null where it cannot be told.</param>
/// <param name="Text">The number in words, for the table.</param>
internal sealed record Figure(string Key, double? Value, string Text);
