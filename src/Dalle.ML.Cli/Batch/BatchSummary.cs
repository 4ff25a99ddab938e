using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>What a run or a merge came to.</summary>
internal sealed record BatchSummary(string Manifest, int Prompts, int Done, int Failed, int Missing, int Drawn, ulong Seed, double Seconds)
{
    public static BatchSummary Of(string manifest, int prompts, IReadOnlyCollection<BatchEntry> known, int drawn, ulong seed, TimeSpan elapsed)
    {
        var done = known.Count(entry => entry.IsDone);
        return new BatchSummary(manifest, prompts, done, known.Count - done, prompts - known.Count, drawn, seed, Math.Round(elapsed.TotalSeconds, 3));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Done} of {Prompts} prompts are done with seed {Seed}, {Drawn} of them drawn now in {Seconds:0.#} s{(Drawn > 0 ? $", {Drawn / Seconds:0.##} a second" : "")}.");
}
