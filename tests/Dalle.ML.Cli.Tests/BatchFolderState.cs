using System.Text.Json.Nodes;

namespace Dalle.ML.Cli.Tests;

/// <summary>What a batch left in its folder, for comparison: all but the seconds that it took.</summary>
internal static class BatchFolderState
{
    /// <summary>The names of all files in a folder, hidden ones included, with their bytes; manifests without seconds.</summary>
    public static SortedDictionary<string, string> Of(string folder) => new(
        Directory.GetFiles(folder, "*", new EnumerationOptions { AttributesToSkip = 0 }).ToDictionary(
            path => Path.GetFileName(path)!,
            path => Path.GetFileName(path).StartsWith("manifest", StringComparison.Ordinal) ? string.Join('\n', ManifestOf(path)) : Convert.ToHexString(File.ReadAllBytes(path))),
        StringComparer.Ordinal);

    /// <summary>The images alone.</summary>
    public static SortedDictionary<string, string> ImagesOf(string folder)
    {
        var state = Of(folder);
        foreach (var other in state.Keys.Where(name => !name.EndsWith(".png", StringComparison.Ordinal)).ToArray())
            state.Remove(other);
        return state;
    }

    /// <summary>The lines of a manifest without their seconds.</summary>
    public static string[] ManifestOf(string path) => WithoutSeconds(File.ReadAllText(path));

    /// <summary>The whole lines of a manifest that may be growing, or not be there yet, without their seconds.</summary>
    public static string[] ManifestOrEmpty(string path)
    {
        if (!File.Exists(path))
            return [];
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var text = new StreamReader(file).ReadToEnd();
        return WithoutSeconds(text[..(text.LastIndexOf('\n') + 1)]);
    }

    private static string[] WithoutSeconds(string lines) => [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line =>
    {
        var entry = JsonNode.Parse(line)!.AsObject();
        Assert.True(entry.Remove("seconds"));
        return entry.ToJsonString();
    })];
}
