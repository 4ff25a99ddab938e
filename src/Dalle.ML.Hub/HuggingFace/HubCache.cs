namespace Dalle.ML.Hub.HuggingFace;

/// <summary>The cache that the hub's own tools keep. It is read, never written.</summary>
/// <param name="folder">Its folder, with a folder for each repository.</param>
internal sealed class HubCache(string folder)
{
    /// <summary>The commit that a branch had when it was last fetched; a commit is its own; null where none is known.</summary>
    public string? CommitOf(HubFile file)
    {
        if (Directory.Exists(Path.Combine(FolderOf(file), "snapshots", Contained(file.Revision))))
            return file.Revision;
        var branch = Path.Combine(FolderOf(file), "refs", Contained(file.Revision));
        return File.Exists(branch) && File.ReadAllText(branch).Trim() is { Length: > 0 } commit && Contained(commit) == commit ? commit : null;
    }

    /// <summary>The place of a file of a commit; by its tag where another commit has the same file; null if it is not in the cache.</summary>
    public string? Find(HubFile file, string? etag)
    {
        string[] places =
        [
            Path.Combine([FolderOf(file), "snapshots", Contained(file.Revision), .. file.Path.Split('/')]),
            .. etag is null ? Array.Empty<string>() : [Path.Combine(FolderOf(file), "blobs", Contained(etag))],
        ];
        return places.FirstOrDefault(File.Exists);
    }

    /// <summary>The tag of a file in the cache, which its blob is named after; null where the cache has no blobs.</summary>
    public static string? TagOf(string path) => new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true)?.Name;

    /// <summary>The size of a file in the cache, which may be a link.</summary>
    public static long SizeOf(string path) => ((FileInfo?)new FileInfo(path).ResolveLinkTarget(returnFinalTarget: true) ?? new FileInfo(path)).Length;

    private string FolderOf(HubFile file) => Path.Combine(folder, "models--" + file.Repository.Replace("/", "--", StringComparison.Ordinal));

    /// <summary>A name that cannot lead out of its folder: revisions and tags come from the network.</summary>
    private static string Contained(string name) => name.Split('/').Any(part => part is "" or "." or "..") || name.IndexOfAny(['\\', ':']) >= 0 ? "_" : name;
}
