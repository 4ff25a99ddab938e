using System.Diagnostics;

namespace Dalle.ML.Cli;

/// <summary>Times a generation by its progress: the first token, and the rate of those after it.</summary>
internal sealed class ThroughputMeter : IProgress<GenerationProgress>
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private (TimeSpan Time, double Tokens)? _first;
    private (TimeSpan Time, double Tokens) _last;

    /// <summary>From the start to the first token.</summary>
    public TimeSpan FirstToken => _first?.Time ?? throw new InvalidOperationException("No token was sampled.");

    /// <summary>Tokens a second of all images in flight, after the first of each.</summary>
    public double TokensPerSecond => (_last.Tokens - _first!.Value.Tokens) / (_last.Time - FirstToken).TotalSeconds;

    public void Report(GenerationProgress value)
    {
        _last = (_clock.Elapsed, value.Fraction * value.Images * value.Candidates * value.Steps);
        _first ??= _last;
    }
}
