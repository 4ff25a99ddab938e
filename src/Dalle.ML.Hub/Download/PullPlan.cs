using System.Text.Json;
using Dalle.ML.Hub.Catalog;

namespace Dalle.ML.Hub.Download;

/// <summary>
/// The files of a pull, resolved once: a branch that moves meanwhile does not mix files of two commits. The plan lies beside what was downloaded,
/// so that a pull that goes on after an interruption fetches the same files.
/// </summary>
internal sealed record PullPlan
{
    /// <summary>Of the model in the catalogue: a plan for another version of it is void.</summary>
    public required string Fingerprint { get; init; }

    public required IReadOnlyList<PlannedFile> Files { get; init; }

    /// <summary>The plan in a file; null if there is none, or it is for something else.</summary>
    public static PullPlan? TryRead(string path, string fingerprint)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            var plan = JsonSerializer.Deserialize<PullPlan>(File.ReadAllBytes(path), ModelCatalog.Json);
            return plan?.Fingerprint == fingerprint ? plan : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Write(string path)
    {
        var draft = path + ".new";
        File.WriteAllBytes(draft, JsonSerializer.SerializeToUtf8Bytes(this, ModelCatalog.Json));
        File.Move(draft, path, overwrite: true);
    }
}
