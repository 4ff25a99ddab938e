namespace Dalle.ML.Generation;

/// <summary>The progress of a part of the work.</summary>
/// <param name="whole">Progress of all of it.</param>
/// <param name="start">Fraction of the whole before the part.</param>
/// <param name="end">Fraction of the whole after it.</param>
internal sealed class PartialProgress(IProgress<GenerationProgress> whole, double start, double end) : IProgress<GenerationProgress>
{
    public static PartialProgress? Of(IProgress<GenerationProgress>? whole, double start, double end) => whole is null ? null : new(whole, start, end);

    public void Report(GenerationProgress value) => whole.Report(value with { Fraction = start + (end - start) * value.Fraction });
}
