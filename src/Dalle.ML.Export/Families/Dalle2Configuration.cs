using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>Finds the configuration of a prior or a decoder of DALLE2-pytorch.</summary>
internal static class Dalle2Configuration
{
    /// <summary>
    /// The part of a prior or a decoder, whether the values are the configuration of its training, of a whole model, or of the part alone.
    /// </summary>
    public static ModelConfiguration Of(IReadOnlyDictionary<string, object?> values, string part)
    {
        var prefixes = new[] { $"config.{part}.", $"init_params.{part}.", $"{part}." };
        return new(values, prefixes.FirstOrDefault(prefix => values.Keys.Any(name => name.StartsWith(prefix, StringComparison.Ordinal))) ?? "");
    }

    /// <summary>
    /// The configuration of a prior or a decoder: in its own file, in one that was given, or in one beside it. Where there is none, all
    /// has the package's defaults.
    /// </summary>
    /// <param name="files">All files.</param>
    /// <param name="file">The checkpoint.</param>
    /// <param name="part"><c>prior</c> or <c>decoder</c>.</param>
    /// <param name="note">Is told where there is none.</param>
    public static ModelConfiguration Find(GivenFiles files, GivenCheckpoint file, string part, Action<string> note)
    {
        if (Has(file.Checkpoint.Settings))
            return Of(file.Checkpoint.Settings, part);
        var folder = Path.GetDirectoryName(Path.GetFullPath(file.Path))!;
        var beside = new[] { Path.ChangeExtension(file.Path, ".json"), Path.Combine(folder, $"{part}_config.json"), Path.Combine(folder, "config.json") };
        // A configuration in the checkpoint's folder is its own, before one that was given for another.
        var candidates = files.Configurations.OrderBy(given => Path.GetDirectoryName(Path.GetFullPath(given)) == folder ? 0 : 1).Concat(beside.Where(File.Exists));
        if (candidates.Select(JsonSettings.Read).FirstOrDefault(Has) is { } values)
            return Of(values, part);
        note($"'{Path.GetFileName(file.Path)}' has no configuration of a {part} in it or beside it: what the weights do not tell has the package's defaults. "
            + $"Put the JSON file of its training beside it, as {part}_config.json.");
        return Of(new Dictionary<string, object?>(), part);

        bool Has(IReadOnlyDictionary<string, object?> values) => values.Keys.Any(name => part == "prior"
            ? name.StartsWith("prior.", StringComparison.Ordinal) || name.Contains(".prior.", StringComparison.Ordinal) || name.StartsWith("net.", StringComparison.Ordinal)
            : name.StartsWith("decoder.", StringComparison.Ordinal) || name.Contains(".decoder.", StringComparison.Ordinal) || name.StartsWith("unets.", StringComparison.Ordinal));
    }
}
