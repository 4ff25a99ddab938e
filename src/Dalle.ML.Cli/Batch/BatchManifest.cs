using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>
/// The manifest of one shard, which gets a line once an image is saved. A process that is killed in between leaves an image without a line;
/// it is generated again with the same result, so that nothing has to guess whether the file is complete.
/// </summary>
internal sealed class BatchManifest : IDisposable
{
    private readonly FileStream _file;

    /// <summary>Opens the manifest of a shard at the end of its last complete line.</summary>
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

    /// <summary>Rewrites the manifest when everything is done: one line per prompt, in their order.</summary>
    public static void Finish(BatchFolder folder, Shard shard, IEnumerable<BatchEntry> entries) =>
        folder.Write(shard.ManifestName, [.. entries.OrderBy(entry => entry.Index).SelectMany(JsonLine.Bytes)]);

    /// <summary>The manifests in a folder, with their shards.</summary>
    public static IEnumerable<(Shard Shard, IEnumerable<BatchEntry> Entries)> ReadAll(string folder)
    {
        foreach (var path in Directory.GetFiles(folder, "manifest*.jsonl"))
        {
            if (Shard.OfManifest(Path.GetFileName(path)) is { } shard)
                yield return (shard, Read(path));
        }
    }

    /// <summary>
    /// The outcome of each prompt, by its index, as far as it is known. All manifests count, so that a batch can continue with other shards
    /// than it started with. An image takes precedence over an error, and a later error over an earlier one.
    /// </summary>
    /// <param name="manifests">Lines of manifests.</param>
    /// <param name="accepts">Whether a line is valid.</param>
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

    /// <summary>A test for lines: they belong to these prompts, and an image that they name exists unchanged.</summary>
    public static Func<BatchEntry, bool> Verifier(string folder, IReadOnlyList<NumberedPrompt> prompts, ulong seed, Shard shard) =>
        entry => shard.Holds(entry.Index) && Belongs(entry, prompts, seed) && (entry.Sha256 is null || BatchFolder.Holds(folder, entry.File, entry.Sha256));

    /// <summary>Whether a line is of one of these prompts.</summary>
    public static bool Belongs(BatchEntry entry, IReadOnlyList<NumberedPrompt> prompts, ulong seed) =>
        HasPrompt(entry, prompts, seed) && (entry.Id, entry.File) == (prompts[entry.Index].Id, FileNames.OfId(prompts[entry.Index].Id));

    /// <summary>A test for lines of one of these prompts whose id has changed since, and with it the name of the image: 9 becomes 09.</summary>
    public static Func<BatchEntry, bool> Renamed(BatchFolder folder, IReadOnlyList<NumberedPrompt> prompts, ulong seed, Shard shard) => entry =>
        shard.Holds(entry.Index) && HasPrompt(entry, prompts, seed) && HasImage(entry, folder)
        && !Path.Exists(folder.PathOf(FileNames.OfId(prompts[entry.Index].Id)));

    /// <summary>A test for lines of prompts that the batch no longer has, and whose image has a name that no prompt has.</summary>
    public static Func<BatchEntry, bool> Replaced(BatchFolder folder, IReadOnlyList<NumberedPrompt> prompts, ulong seed, Shard shard)
    {
        var names = prompts.Select(prompt => FileNames.OfId(prompt.Id)).ToHashSet(StringComparer.OrdinalIgnoreCase);
        return entry => shard.Holds(entry.Index) && !HasPrompt(entry, prompts, seed) && !names.Contains(entry.File) && HasImage(entry, folder);
    }

    /// <summary>Whether a line's image is there as the batch wrote it.</summary>
    private static bool HasImage(BatchEntry entry, BatchFolder folder) =>
        FileNames.Objection(entry.Id) is null && entry.File == FileNames.OfId(entry.Id)
        && entry.Sha256 is not null && BatchFolder.Holds(folder.FullPath, entry.File, entry.Sha256);

    private static bool HasPrompt(BatchEntry entry, IReadOnlyList<NumberedPrompt> prompts, ulong seed) =>
        entry.Index >= 0 && entry.Index < prompts.Count && (entry.Prompt, entry.Seed) == (prompts[entry.Index].Prompt, prompts[entry.Index].SeedAfter(seed));

    /// <summary>The complete lines of a manifest; another process may be writing the next one.</summary>
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
