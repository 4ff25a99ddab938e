using System.Globalization;
using System.Text.Json.Serialization;

namespace Dalle.ML.Cli;

/// <summary>Outcome of a run or a merge.</summary>
internal sealed record BatchSummary(string Manifest, int Prompts, int Done, int Failed, int Missing, [property: JsonPropertyName("drawn")] int Generated, ulong Seed, double Seconds)
{
    public static BatchSummary Of(string manifest, int prompts, IReadOnlyCollection<BatchEntry> known, int generated, ulong seed, TimeSpan elapsed)
    {
        var done = known.Count(entry => entry.IsDone);
        return new BatchSummary(manifest, prompts, done, known.Count - done, prompts - known.Count, generated, seed, Math.Round(elapsed.TotalSeconds, 3));
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Done} of {Prompts} prompts are done with seed {Seed}, {Generated} of them generated now in {Seconds:0.#} s{(Generated > 0 ? $", {Generated / Seconds:0.##} a second" : "")}.");
}
