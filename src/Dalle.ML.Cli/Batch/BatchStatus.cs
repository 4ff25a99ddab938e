using System.Globalization;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>Progress of a batch according to its manifests; the images are not checked.</summary>
internal sealed record BatchStatus(int Prompts, int Done, int Failed, int Left, IReadOnlyList<BatchStatus.Part> Shards, SlurmArray.Status? Slurm)
{
    /// <summary>Progress of one shard, and its images per second.</summary>
    internal sealed record Part(string Shard, int Prompts, int Done, int Failed, int Left, double? Rate);

    public static BatchStatus Read(string folder)
    {
        var (job, prompts) = BatchJob.Read(folder);
        var manifests = BatchManifest.ReadAll(folder).ToDictionary(manifest => manifest.Shard, manifest => manifest.Entries);
        var array = SlurmArray.Read(folder);
        for (var task = 1; task <= array?.Tasks; task++)
            manifests.TryAdd(new Shard(task, array.Tasks), []);

        var all = BatchManifest.Combine(manifests.Values, entry => BatchManifest.Belongs(entry, prompts, job.Seed));
        var done = all.Values.Count(entry => entry.IsDone);
        return new BatchStatus(
            job.Prompts, done, all.Count - done, job.Prompts - all.Count,
            [.. manifests.OrderBy(manifest => manifest.Key.Count).ThenBy(manifest => manifest.Key.Number).Select(manifest => Of(manifest.Key, manifest.Value, prompts, job.Seed))],
            array?.Ask());
    }

    /// <summary>One line for the batch, one per shard, one for Slurm.</summary>
    public IEnumerable<string> Lines()
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"{Prompts} prompts: {Done} done, {Failed} failed, {Left} left");
        foreach (var shard in Shards)
        {
            var rate = shard.Rate is { } value ? string.Create(CultureInfo.InvariantCulture, $", {value:0.##} a second") : "";
            yield return string.Create(CultureInfo.InvariantCulture, $"shard {shard.Shard}: {shard.Done} done, {shard.Failed} failed, {shard.Left} left{rate}");
        }
        if (Slurm is not null)
            yield return $"slurm job {Slurm.Job}: " + (Slurm.States is null ? "squeue is not installed" : Slurm.States.Count == 0 ? "no longer in the queue" : string.Join(", ", Slurm.States.Select(state => string.Create(CultureInfo.InvariantCulture, $"{state.Value} {state.Key}"))));
    }

    private static Part Of(Shard shard, IEnumerable<BatchEntry> entries, IReadOnlyList<NumberedPrompt> prompts, ulong seed)
    {
        var known = BatchManifest.Combine([entries], entry => shard.Holds(entry.Index) && BatchManifest.Belongs(entry, prompts, seed)).Values;
        var (total, done, seconds) = (prompts.Count(prompt => shard.Holds(prompt.Index)), known.Count(entry => entry.IsDone), known.Sum(entry => entry.Seconds));
        return new Part(shard.ToString(), total, done, known.Count - done, total - known.Count, seconds > 0 ? Math.Round(known.Count / seconds, 3) : null);
    }
}
