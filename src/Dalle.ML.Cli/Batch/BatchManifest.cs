using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>
/// The manifest that one shard appends to, a line when an image is in place. A process that is killed in between leaves an image without a
/// line, which is generated again with the same result: whether the file is complete need not be guessed.
/// </summary>
internal sealed class BatchManifest : IDisposable
{
    private readonly FileStream _file;

    /// <summary>Opens the manifest of a shard behind its last whole line.</summary>
    public BatchManifest(BatchFolder folder, Shard shard)
    {
        _file = new FileStream(folder.PathOf(shard.ManifestName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        var content = new byte[_file.Length];
        _file.ReadExactly(content);
        _file.SetLength(WholeLines(content).Length);
        _file.Position = _file.Length;
    }

    public void Append(BatchEntry entry)
    {
        _file.Write(JsonLine.Bytes(entry));
        _file.Flush(flushToDisk: true);
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Writes the manifest anew when nothing is left to do: a line a prompt, in their order.</summary>
    public static void Finish(BatchFolder folder, Shard shard, IEnumerable<BatchEntry> entries) =>
        folder.Write(shard.ManifestName, [.. entries.OrderBy(entry => entry.Index).SelectMany(JsonLine.Bytes)]);

    /// <summary>The manifests in a folder, and whose they are.</summary>
    public static IEnumerable<(Shard Shard, IEnumerable<BatchEntry> Entries)> ReadAll(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "manifest*.jsonl"))
        {
            if (Shard.OfManifest(Path.GetFileName(path)) is { } shard)
                yield return (shard, Read(path));
        }
    }

    /// <summary>
    /// What became of each prompt, by its index, as far as is known. All manifests count, so that a batch can go on with other shards than
    /// it began with. An image outweighs an error, and a later error an earlier one.
    /// </summary>
    /// <param name="manifests">Lines of manifests.</param>
    /// <param name="accepts">Whether a line is true.</param>
    public static Dictionary<int, BatchEntry> Combine(IEnumerable<IEnumerable<BatchEntry>> manifests, Func<BatchEntry, bool> accepts)
    {
        var known = new Dictionary<int, BatchEntry>();
        foreach (var entry in manifests.SelectMany(entries => entries))
        {
            if (!(known.TryGetValue(entry.Index, out var other) && other.IsDone) && accepts(entry))
                known[entry.Index] = entry;
        }
        return known;
    }

    /// <summary>A test for lines: they speak of these prompts, and where they tell of an image, it is there and has not changed.</summary>
    public static Func<BatchEntry, bool> Verifier(string folder, IReadOnlyList<NumberedPrompt> prompts, ulong seed, Shard shard) => entry =>
        entry.Index >= 0 && entry.Index < prompts.Count && shard.Holds(entry.Index)
        && prompts[entry.Index] is var prompt
        && (entry.Id, entry.File, entry.Prompt, entry.Seed) == (prompt.Id, FileNames.OfId(prompt.Id), prompt.Prompt, prompt.SeedAfter(seed))
        && (entry.Sha256 is null || BatchFolder.Holds(folder, entry.File, entry.Sha256));

    /// <summary>The whole lines of a manifest that can be read; another process may be writing the next.</summary>
    private static List<BatchEntry> Read(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var content = new MemoryStream();
        file.CopyTo(content);
        var lines = WholeLines(content.ToArray());
        var entries = new List<BatchEntry>();
        foreach (var range in lines.Span.Split((byte)'\n'))
        {
            if (JsonLine.Read<BatchEntry>(lines.Span[range]) is { } entry)
                entries.Add(entry);
        }
        return entries;
    }

    private static ReadOnlyMemory<byte> WholeLines(byte[] content) => content.AsMemory(0, Array.LastIndexOf(content, (byte)'\n') + 1);
}
