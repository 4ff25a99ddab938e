using System.Diagnostics;

namespace Dalle.ML.Benchmarks;

/// <summary>The time that generations spend between their first token and their last: in the decoder's steps and the sampler.</summary>
internal sealed class StepsClock : IProgress<GenerationProgress>
{
    private long _first;

    public double Milliseconds { get; private set; }

    public void Restart() => Milliseconds = 0;

    public void Report(GenerationProgress value)
    {
        if (value.Step == 1)
            _first = Stopwatch.GetTimestamp();
        else if (value.Step == value.Steps)
            Milliseconds += Stopwatch.GetElapsedTime(_first).TotalMilliseconds;
    }
}
