using Dalle.ML.Bundles;

namespace Dalle.ML.Transforms.Saving;

/// <summary>The record of a model in a saved pipeline: its path and hash, not its weights.</summary>
internal sealed record SavedModel
{
    public required bool IsBuiltIn { get; init; }

    /// <summary>The folder's absolute path where the pipeline was saved.</summary>
    public required string Path { get; init; }

    /// <summary>The path as it was given, which may be relative.</summary>
    public string? GivenPath { get; init; }

    public required string Hash { get; init; }

    public static SavedModel From(ComponentOptions options, DalleModelInfo model) => new()
    {
        IsBuiltIn = model.Path == Bundle.FullPath(DalleModel.DefaultPath),
        Path = model.Path,
        GivenPath = options.ModelPath,
        Hash = model.Hash,
    };

    private static string BuiltInName => System.IO.Path.GetFileName(DalleModel.DefaultPath);

    // Pipelines move between systems.
    private string Name => System.IO.Path.GetFileName(Path.Replace('\\', '/'));

    /// <summary>Finds the folder of the model that the pipeline was saved with.</summary>
    /// <exception cref="DalleBundleException">It is missing or has changed.</exception>
    public string Find()
    {
        var places = Places().Distinct().ToArray();
        var models = places.Where(place => File.Exists(System.IO.Path.Combine(place, Bundle.ManifestName))).ToArray();
        if (models.FirstOrDefault(model => Bundle.HashOf(model) == Hash) is { } found)
            return found;
        if (IsBuiltIn && BuiltInName != Name)
        {
            throw new DalleBundleException(Path, $"the pipeline was saved with '{Name}', which an earlier version of Dalle.ML had built in; this one has '{BuiltInName}'. Fit and save the pipeline again with that, "
                + $"or get '{Name}' out of the package or the repository of that version (docs/models.md, \"Earlier built-in models\") and copy its folder beside the application as models/{Name}, "
                + $"into a folder that the environment variable {ModelFolders.Variable} names, or anywhere and call DalleModel.Register. Its hash is {Hash}.");
        }
        if (models is [var other, ..])
            throw new DalleBundleException(other, $"the pipeline was saved with a model with the hash {Hash}, and this one has {Bundle.HashOf(other)}. Restore the old model, or fit and save the pipeline again.");
        throw new DalleBundleException(Path, $"the pipeline was saved with a model with the hash {Hash}, which is in none of these folders: {string.Join(", ", places)}. Copy it to one of them, name its folder in the environment variable {ModelFolders.Variable}, or call DalleModel.Register.");
    }

    /// <summary>The folders to search: registered, at the path at saving, below the application, or in the environment variable.</summary>
    private IEnumerable<string> Places()
    {
        if (DalleModel.Registered(Hash) is { } registered)
            yield return registered;
        if (IsBuiltIn)
            yield return DalleModel.DefaultPath;
        yield return Path;
        string[] relative = GivenPath is null || System.IO.Path.IsPathRooted(GivenPath) ? [Name] : [GivenPath, Name];
        foreach (var path in relative)
        {
            yield return System.IO.Path.GetFullPath(path);
            yield return System.IO.Path.GetFullPath(path, AppContext.BaseDirectory);
            yield return System.IO.Path.GetFullPath(path, System.IO.Path.Combine(AppContext.BaseDirectory, "models"));
        }
        foreach (var folder in ModelFolders.OfProcess.All)
        {
            yield return System.IO.Path.Combine(folder, Name);
            yield return folder;
        }
    }
}
