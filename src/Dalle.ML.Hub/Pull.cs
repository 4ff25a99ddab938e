using Dalle.ML.Bundles;
using Dalle.ML.Export;
using Dalle.ML.Hub.Catalog;
using Dalle.ML.Hub.Download;
using Dalle.ML.Hub.HuggingFace;

namespace Dalle.ML.Hub;

/// <summary>
/// One pull: plan, download, verify, export. All of it happens in a work folder beside the bundles, from which the finished bundle is moved to its
/// place, so that a model is there completely or not at all.
/// </summary>
internal sealed class Pull(CatalogModel model, string modelsFolder, PullOptions options, IProgress<PullProgress>? progress)
{
    private const string WorkFolders = ".pull";

    // What was fetched from where, in the bundle's folder: by it a pulled model is told from a user's own.
    private const string RecordName = "pull.json";

    private readonly string _bundle = Path.Combine(modelsFolder, model.Name);
    private readonly string _work = WorkFolderOf(modelsFolder, model.Name);
    private readonly HubEnvironment _environment = new(options);

    private string Checkpoint => Path.Combine(_work, "checkpoint");

    private string Unpacked => Path.Combine(_work, "unpacked");

    private string PlanPath => Path.Combine(_work, "plan.json");

    /// <summary>Folder of what a pull leaves: unfinished downloads, and checkpoints that are kept.</summary>
    public static string WorkFolderOf(string modelsFolder, string name) => Path.Combine(modelsFolder, WorkFolders, name);

    /// <summary>Whether a folder is a pulled model.</summary>
    public static bool IsPulled(string folder) => ModelFolders.IsModel(folder) && File.Exists(Path.Combine(folder, RecordName));

    /// <summary>Pulls the model unless it is there, and returns the bundle's folder.</summary>
    public async Task<string> RunAsync(CancellationToken cancellationToken)
    {
        if (ModelFolders.IsModel(_bundle))
            return _bundle;
        if (Path.Exists(_bundle))
            throw new DalleHubException($"'{_bundle}' exists and is not a model. Move it, or choose another folder of models ({ModelFolders.Variable}).");
        if (model.RequiresAcceptance && !options.AcceptLicense)
        {
            throw new DalleHubException($"The licence of '{model.Name}', {model.License}, restricts what its weights and pictures may be used for. "
                + $"Read it{(model.LicenseUrl is { } url ? $" at {url}" : "")}, then pull with --accept-license (in code PullOptions.AcceptLicense).");
        }

        Directory.CreateDirectory(_work);
        using var exclusive = Lock();
        // Another pull may have ended meanwhile.
        if (ModelFolders.IsModel(_bundle))
            return _bundle;
        var cache = new HubCache(_environment.CacheFolder);
        using var transport = new HubTransport(_environment, options);
        var plan = await PlanAsync(transport, cache, cancellationToken).ConfigureAwait(false);
        var missing = await FindMissingAsync(plan, cache, cancellationToken).ConfigureAwait(false);
        CheckSpace(plan, missing);
        foreach (var file in missing)
            await DownloadAsync(file, transport, cancellationToken).ConfigureAwait(false);
        foreach (var archive in plan.Files.Where(file => file.IsArchive))
            await UnpackAsync(archive, cancellationToken).ConfigureAwait(false);

        progress?.Report(new PullProgress(PullStage.Exporting, model.Name, 0, 0));
        cancellationToken.ThrowIfCancellationRequested();
        await Task.Run(() => Export(plan), cancellationToken).ConfigureAwait(false);
        exclusive.Dispose();
        if (!options.KeepCheckpoint)
            Directory.Delete(_work, recursive: true);
        return _bundle;
    }

    private FileStream Lock()
    {
        try
        {
            return new FileStream(Path.Combine(_work, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException exception)
        {
            throw new DalleHubException($"'{model.Name}' is being pulled by another process ('{_work}' is locked). Wait for it.", exception);
        }
    }

    /// <summary>The plan of an earlier run, else a new one.</summary>
    private async Task<PullPlan> PlanAsync(HubTransport transport, HubCache cache, CancellationToken cancellationToken)
    {
        var plan = PullPlan.TryRead(PlanPath, model.Fingerprint);
        if (plan is null)
        {
            var resolver = new FileResolver(transport, _environment, cache);
            var files = new List<PlannedFile>();
            foreach (var file in model.Files)
                files.Add(await resolver.ResolveAsync(file, remark => Remark(file.Path, remark), cancellationToken).ConfigureAwait(false));
            plan = new PullPlan { Fingerprint = model.Fingerprint, Files = files };
            DropUnverifiable(plan);
            plan.Write(PlanPath);
        }
        var hosts = string.Join(", ", plan.Files.Select(file => file.Host).Distinct());
        progress?.Report(new PullProgress(
            PullStage.Planned, model.Name, 0, plan.Files.Sum(file => file.Size), $"{plan.Files.Count} files from {hosts}; licence: {model.License}"));
        return plan;
    }

    /// <summary>Of what was downloaded by an earlier plan only that stays which a hash will tell to be the same.</summary>
    private void DropUnverifiable(PullPlan plan)
    {
        if (Directory.Exists(Unpacked))
            Directory.Delete(Unpacked, recursive: true);
        if (!Directory.Exists(Checkpoint))
            return;
        var kept = plan.Files.Where(file => file.IsHashed).Select(TargetOf).SelectMany(target => new[] { target, FileDownload.PartialOf(target) }).ToHashSet();
        foreach (var file in Directory.GetFiles(Checkpoint, "*", SearchOption.AllDirectories).Where(file => !kept.Contains(file)))
            File.Delete(file);
    }

    /// <summary>The files that must be downloaded: those that are neither here nor in the hub's cache. What is there is verified.</summary>
    private async Task<List<PlannedFile>> FindMissingAsync(PullPlan plan, HubCache cache, CancellationToken cancellationToken)
    {
        var missing = new List<PlannedFile>();
        foreach (var file in plan.Files)
        {
            var target = TargetOf(file);
            // The links of an earlier run are made again.
            if (new FileInfo(target).LinkTarget is not null)
                File.Delete(target);
            if (File.Exists(target) && await IsRightAsync(file, target, cancellationToken).ConfigureAwait(false))
                continue;
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Delete(target);
            if (HubFile.TryParse(file.Source) is { } source && cache.Find(source, file.Sha256 ?? file.GitBlob) is { } cached
                && await IsRightAsync(file, cached, cancellationToken).ConfigureAwait(false))
                Link(target, cached);
            else
                missing.Add(file);
        }
        return missing;
    }

    private async Task<bool> IsRightAsync(PlannedFile file, string path, CancellationToken cancellationToken)
    {
        Report(file, PullStage.Verifying, file.Size);
        var fault = HubCache.SizeOf(path) != file.Size
            ? "its size differs"
            : (await FileHashes.OfAsync(path, cancellationToken).ConfigureAwait(false)).FindMismatch(file);
        if (fault is null)
            Report(file, PullStage.Verified, file.Size, $"already on this machine: {path}");
        else
            Remark(file.Path, $"'{path}' is not used: {fault}");
        return fault is null;
    }

    /// <summary>Uses a file of the hub's cache where it is. Where links are not allowed, as on some Windows, it is copied.</summary>
    private static void Link(string target, string cached)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        try
        {
            File.CreateSymbolicLink(target, Path.GetFullPath(cached));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            File.Copy(cached, target);
        }
    }

    /// <summary>Checks that everything fits before anything is downloaded: what is missing, archives unpacked, and the bundle.</summary>
    private void CheckSpace(PullPlan plan, List<PlannedFile> missing)
    {
        var download = missing.Sum(file => file.Size - (new FileInfo(FileDownload.PartialOf(TargetOf(file))) is { Exists: true } part ? Math.Min(part.Length, file.Size) : 0));
        var unpacked = plan.Files.Where(file => file.IsArchive).Sum(file => file.Size);
        var needed = download + unpacked + plan.Files.Sum(file => file.Size);
        if (options.FreeSpace(modelsFolder) is var free && free < needed)
        {
            throw new DalleHubException($"Pulling '{model.Name}' needs {ByteSize.Text(needed)} in '{modelsFolder}' ({ByteSize.Text(download)} to download, the rest for the bundle); "
                + $"{ByteSize.Text(free)} are free. Free some space, or set {ModelFolders.Variable} to a folder on another disk.");
        }
    }

    private async Task DownloadAsync(PlannedFile file, HubTransport transport, CancellationToken cancellationToken)
    {
        var url = HubFile.TryParse(file.Source) is { } source ? source.At(_environment.Endpoint) : new Uri(file.Source);
        try
        {
            await new FileDownload(file, TargetOf(file), url, transport, (stage, bytes, remark) => Report(file, stage, bytes, remark)).RunAsync(cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ChangedFileException)
        {
            // The next run plans anew.
            File.Delete(PlanPath);
            throw;
        }
        Report(file, PullStage.Verified, file.Size, !file.IsHashed ? "its publisher gives no hash to compare with" : null);
    }

    private async Task UnpackAsync(PlannedFile archive, CancellationToken cancellationToken)
    {
        var folder = UnpackedFolderOf(archive);
        if (Directory.Exists(folder))
            return;
        var draft = folder + ".partial";
        if (Directory.Exists(draft))
            Directory.Delete(draft, recursive: true);
        Directory.CreateDirectory(draft);
        await CheckpointArchive.UnpackAsync(TargetOf(archive), draft, cancellationToken).ConfigureAwait(false);
        Directory.Move(draft, folder);
    }

    private void Export(PullPlan plan)
    {
        foreach (var left in Directory.EnumerateDirectories(_work, "bundle*"))
            Directory.Delete(left, recursive: true);
        var draft = Path.Combine(_work, "bundle");
        var sources = plan.Files.Where(file => file.IsArchive).Select(archive => CheckpointArchive.ContentOf(UnpackedFolderOf(archive))).Prepend(Checkpoint).Where(Directory.Exists);
        var notes = BundleExporter.Export(model.Family, [.. sources], draft, new ExportOptions
        {
            Precision = options.Precision ?? model.Precision,
            Settings = model.Settings,
            Name = model.Name,
            Description = model.Description,
            License = model.License,
            Provenance = string.Join(", ", plan.Files.Select(ProvenanceOf).Distinct()),
        });
        foreach (var note in notes)
            progress?.Report(new PullProgress(PullStage.Exporting, model.Name, 0, 0, note));
        plan.Write(Path.Combine(draft, RecordName));
        Directory.Move(draft, _bundle);
    }

    private static string ProvenanceOf(PlannedFile file) =>
        HubFile.TryParse(file.Source) is { } source ? $"hf://{source.Repository}@{source.Revision}" : file.Source;

    private string TargetOf(PlannedFile file) => Path.Combine(Checkpoint, file.Path);

    private string UnpackedFolderOf(PlannedFile archive) => Path.Combine(Unpacked, archive.Path);

    private void Report(PlannedFile file, PullStage stage, long bytes, string? remark = null) =>
        progress?.Report(new PullProgress(stage, file.Path, bytes, file.Size, remark));

    private void Remark(string file, string remark) => progress?.Report(new PullProgress(PullStage.Downloading, file, 0, 0, remark));
}
