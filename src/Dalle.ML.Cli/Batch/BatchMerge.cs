using System.Diagnostics;

namespace Dalle.ML.Cli;

/// <summary><c>dalle batch --merge</c>: merges the manifests of the shards if they cover every prompt of the batch.</summary>
internal static class BatchMerge
{
    private const int LongestList = 20;

    public static BatchSummary Run(string path, TextWriter remarks)
    {
        var clock = Stopwatch.StartNew();
        var (job, prompts) = BatchJob.Read(path);
        using var folder = new BatchFolder(path, Shard.Whole);
        var known = BatchManifest.Combine(
            BatchManifest.ReadAll(path).Select(manifest => manifest.Entries),
            BatchManifest.Verifier(path, prompts, job.Seed, Shard.Whole));

        var summary = BatchSummary.Of(folder.PathOf(Shard.Whole.ManifestName), prompts.Count, known.Values, generated: 0, job.Seed, clock.Elapsed);
        List("missing", [.. prompts.Where(prompt => !known.ContainsKey(prompt.Index)).Select(prompt => prompt.Id)]);
        List("failed", [.. known.Values.Where(entry => !entry.IsDone).OrderBy(entry => entry.Index).Select(entry => $"{entry.Id} ({entry.Error})")]);
        if (summary.Missing > 0)
            return summary;
        BatchManifest.Finish(folder, Shard.Whole, known.Values);
        folder.RemoveAbandoned();
        return summary;

        void List(string what, IReadOnlyList<string> names)
        {
            foreach (var name in names.Take(LongestList))
                remarks.WriteLine($"dalle: {what}: {name}");
            if (names.Count > LongestList)
                remarks.WriteLine($"dalle: {what}: {names.Count - LongestList} more");
        }
    }
}
