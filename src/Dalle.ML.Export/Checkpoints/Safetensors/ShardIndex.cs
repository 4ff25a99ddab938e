using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads the index of a checkpoint in several files of one folder: <c>{"weight_map": {"name of a tensor": "its file", …}}</c>.
/// </summary>
/// <remarks>Format: Hugging Face's <c>model.safetensors.index.json</c> and <c>pytorch_model.bin.index.json</c>.</remarks>
internal static class ShardIndex
{
    private const int MaxIndexBytes = 1 << 24;
    private const int MaxShards = 1024;

    /// <exception cref="InvalidDataException">It is not well-formed, or names something other than a file in its folder.</exception>
    public static StoredCheckpoint Read(CheckpointFile index)
    {
        var shards = new Dictionary<string, StoredCheckpoint>();
        try
        {
            var tensors = new Dictionary<string, StoredTensor>();
            foreach (var (name, file) in ReadMap(index))
            {
                if (!shards.TryGetValue(file, out var shard))
                    shards.Add(file, shard = Open(index, file));
                if (shards.Count > MaxShards)
                    throw new InvalidDataException($"it names more than {MaxShards} files.");
                tensors.Add(name, shard.Find(name));
            }
            return new StoredCheckpoint(index.Path, tensors, new Dictionary<string, object?>(), [index, .. shards.Values]);
        }
        catch
        {
            foreach (var shard in shards.Values)
                shard.Dispose();
            throw;
        }
    }

    private static Dictionary<string, string> ReadMap(CheckpointFile index)
    {
        try
        {
            var content = index.Read("the index", 0, index.Length, MaxIndexBytes);
            using var json = JsonDocument.Parse(FileContent.SkipByteOrderMark(content).ToArray(), new JsonDocumentOptions { AllowDuplicateProperties = false });
            return json.RootElement.GetProperty("weight_map").EnumerateObject()
                .ToDictionary(entry => entry.Name, entry => entry.Value.GetString() ?? throw new JsonException($"'{entry.Name}' has no file."));
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"it is not an index of a checkpoint: {JsonFault.Describe(exception)}", exception);
        }
        catch (Exception exception) when (exception is InvalidOperationException or KeyNotFoundException)
        {
            throw new InvalidDataException("it is not an index of a checkpoint: it has no 'weight_map' from tensors to files", exception);
        }
    }

    private static StoredCheckpoint Open(CheckpointFile index, string name)
    {
        var path = Path.Combine(Path.GetDirectoryName(index.Path) ?? "", name);
        if (name.AsSpan().ContainsAny('/', '\\', ':') || name is "" or "." or "..")
            throw new InvalidDataException($"it names '{name}', which is not the name of a file in its folder.");
        if (!File.Exists(path))
            throw new InvalidDataException($"it names '{name}', which is not in its folder. Get this file too.");
        return CheckpointFormats.Open(path, isShard: true);
    }
}
