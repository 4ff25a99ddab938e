using System.Diagnostics;
using Dalle.ML.Generation;

namespace Dalle.ML.Benchmarks;

/// <summary>The time that generations spend between their first token and their last: in the decoder's steps and the sampler.</summary>
internal sealed class StepsClock : IProgress<DalleProgress>
{
    private long _first;

    public double Milliseconds { get; private set; }

    public void Restart() => Milliseconds = 0;

    public void Report(DalleProgress value)
    {
        if (value.Token == 1)
            _first = Stopwatch.GetTimestamp();
        else if (value.Token == value.Tokens)
            Milliseconds += Stopwatch.GetElapsedTime(_first).TotalMilliseconds;
    }
}
