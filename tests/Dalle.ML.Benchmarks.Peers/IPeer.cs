namespace Dalle.ML.Benchmarks.Peers;

/// <summary>A decoder of a geometry with random weights, by another library.</summary>
internal interface IPeer : IDisposable
{
    /// <summary>The library, its version and how it is set up.</summary>
    string Description { get; }

    /// <summary>Runs the steps that are measured.</summary>
    /// <param name="rows">Sequences that go through together.</param>
    /// <returns>Milliseconds of a step.</returns>
    double Step(int rows);
}
