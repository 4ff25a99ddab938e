using Dalle.ML.Bundles;
using Dalle.ML.Hub.Catalog;

namespace Dalle.ML.Hub;

/// <summary>Downloads published checkpoints, verifies them and exports them as bundles that <see cref="DalleModel.Load"/> finds by name.</summary>
/// <example>
/// <code>
/// await DalleHub.PullAsync("min-dalle-mini");
/// using var model = DalleModel.Load("min-dalle-mini");
/// </code>
/// </example>
public static class DalleHub
{
    /// <summary>Lists the published models of the catalogue, and what is on this machine: which of them, and bundles of your own.</summary>
    /// <param name="options">The folder of models and a catalogue of your own; the rest is ignored.</param>
    /// <exception cref="DalleHubException">A catalogue cannot be read.</exception>
    public static IReadOnlyList<HubModel> ListModels(PullOptions? options = null)
    {
        options ??= new();
        var here = FoldersOf(options).Where(Directory.Exists).SelectMany(folder => Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
            .Where(folder => IsModelName(Path.GetFileName(folder)) && ModelFolders.IsModel(folder))
            .DistinctBy(folder => Path.GetFileName(folder)).ToDictionary(folder => Path.GetFileName(folder));
        var published = CatalogOf(options).Models.Select(model => new HubModel
        {
            Name = model.Name,
            IsPublished = true,
            Description = model.Description,
            Family = model.Family,
            License = model.License,
            LicenseUrl = model.LicenseUrl,
            RequiresAcceptance = model.RequiresAcceptance,
            DownloadSize = model.DownloadSize,
            Note = model.Note,
            Path = here.GetValueOrDefault(model.Name),
        }).ToArray();
        return [.. published, .. here.Where(entry => !published.Any(model => model.Name == entry.Key)).Select(entry => OwnModel(entry.Key, entry.Value))];
    }

    /// <summary>Pulls a published model: downloads its checkpoint, verifies it and exports it. A pull that was interrupted goes on where it was.</summary>
    /// <param name="name">A name of the catalogue.</param>
    /// <param name="progress">Receives a report for each file and, while it is downloaded, for each megabyte.</param>
    /// <param name="cancellationToken">Stops the pull; what is downloaded is kept for the next one.</param>
    /// <returns>The bundle's folder. It is returned at once if the model is there already.</returns>
    /// <exception cref="DalleHubException">There is no such model, or a file cannot be downloaded or verified.</exception>
    /// <exception cref="InvalidDataException">The checkpoint cannot be exported.</exception>
    public static Task<string> PullAsync(string name, IProgress<PullProgress>? progress, CancellationToken cancellationToken) =>
        PullAsync(name, new PullOptions(), progress, cancellationToken);

    /// <summary>As <see cref="PullAsync(string, IProgress{PullProgress}?, CancellationToken)"/>, with options.</summary>
    /// <param name="name">A name of the catalogue.</param>
    /// <param name="options">Acceptance of a licence, precision, folders, token; the defaults if null.</param>
    /// <param name="progress">Receives a report for each file and, while it is downloaded, for each megabyte.</param>
    /// <param name="cancellationToken">Stops the pull; what is downloaded is kept for the next one.</param>
    /// <returns>The bundle's folder. It is returned at once if the model is there already.</returns>
    /// <exception cref="DalleHubException">There is no such model, a licence was not accepted, or a file cannot be downloaded or verified.</exception>
    /// <exception cref="InvalidDataException">The checkpoint cannot be exported.</exception>
    public static Task<string> PullAsync(
        string name, PullOptions? options = null, IProgress<PullProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(name);
        options ??= new();
        var model = CatalogOf(options).Find(name);
        return new Pull(model, FoldersOf(options).First(), options, progress).RunAsync(cancellationToken);
    }

    /// <summary>Removes a pulled model: its bundle, its checkpoint if that was kept, and unfinished downloads of it.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="options">The folder of models; the rest is ignored.</param>
    /// <returns>The folders that were removed; none if there was nothing of the model.</returns>
    /// <exception cref="DalleHubException">The name is that of a model that was not pulled.</exception>
    public static IReadOnlyList<string> Remove(string name, PullOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsModelName(name))
            throw new DalleHubException($"'{name}' is not the name of a model.");
        var removed = new List<string>();
        foreach (var models in FoldersOf(options ?? new()))
        {
            var bundle = Path.Combine(models, name);
            if (ModelFolders.IsModel(bundle) && !Pull.IsPulled(bundle))
                throw new DalleHubException($"'{bundle}' is a model that was not pulled. Delete the folder yourself if you do not need it.");
            foreach (var folder in new[] { bundle, Pull.WorkFolderOf(models, name) }.Where(Directory.Exists))
            {
                Directory.Delete(folder, recursive: true);
                removed.Add(folder);
            }
        }
        return removed;
    }

    private static HubModel OwnModel(string name, string folder)
    {
        try
        {
            var manifest = Bundle.ManifestOf(folder);
            return new HubModel { Name = name, Description = manifest.Description ?? "", Family = manifest.Family, License = manifest.License, Path = folder };
        }
        catch (DalleBundleException exception)
        {
            return new HubModel { Name = name, Description = "", Family = "", License = null, Note = exception.Message, Path = folder };
        }
    }

    // Names with a dot are of what a pull has not finished.
    private static bool IsModelName(string name) => ModelFolders.IsName(name) && name[0] != '.';

    private static ModelCatalog CatalogOf(PullOptions options) => ModelCatalog.Read(options.Catalog ?? options.Variable(ModelCatalog.Variable));

    private static IEnumerable<string> FoldersOf(PullOptions options) =>
        options.ModelsFolder is { } folder ? [Path.GetFullPath(folder)] : new ModelFolders(options.Variable).All;
}
