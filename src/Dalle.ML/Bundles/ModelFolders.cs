namespace Dalle.ML.Bundles;

/// <summary>
/// Finds a model by its name: a folder of that name in one of the folders of models. Those are what the environment variable
/// <c>DALLE_MODELS</c> lists, then the user's cache. Nothing here touches the network.
/// </summary>
/// <param name="variable">Reads an environment variable.</param>
internal sealed class ModelFolders(Func<string, string?> variable)
{
    /// <summary>Environment variable with folders that contain models, or are models, separated as in PATH.</summary>
    public const string Variable = "DALLE_MODELS";

    /// <summary>The folders as the environment of this process names them.</summary>
    public static ModelFolders OfProcess { get; } = new(Environment.GetEnvironmentVariable);

    /// <summary>The folders of models, first the one that pulled models go to.</summary>
    public IEnumerable<string> All => Listed.Append(UserFolder);

    /// <summary>The folder that pulled models go to.</summary>
    public string Home => All.First();

    private IEnumerable<string> Listed =>
        (variable(Variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Path.GetFullPath);

    private string UserFolder => Path.Combine(CacheFolder, "dalle-ml", "models");

    private string CacheFolder =>
        OperatingSystem.IsWindows() ? Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData)
        : variable("XDG_CACHE_HOME") is { Length: > 0 } cache ? Path.GetFullPath(cache)
        : Path.Combine(variable("HOME") ?? Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");

    /// <summary>Whether a text can be the name of a model, and not only a path.</summary>
    public static bool IsName(string text) => Bundle.IsSafeName(text) && !text.Contains('/', StringComparison.Ordinal);

    /// <summary>
    /// The folder of a model that is given by folder or name. A folder that exists is taken; a name without one is that of a model in the
    /// folders of models; otherwise the path as it was given, which does not exist.
    /// </summary>
    /// <param name="pathOrName">A path, absolute or relative, or a name.</param>
    /// <param name="workingFolder">Folder that relative paths start from.</param>
    public string Find(string pathOrName, string workingFolder)
    {
        var path = Path.GetFullPath(pathOrName, workingFolder);
        return Directory.Exists(path) || !IsName(pathOrName)
            ? path
            : All.Select(folder => Path.Combine(folder, pathOrName)).FirstOrDefault(IsModel) ?? path;
    }

    /// <summary>As <see cref="Find(string, string)"/>, from the current folder.</summary>
    public static string Find(string pathOrName) => OfProcess.Find(pathOrName, Environment.CurrentDirectory);

    /// <summary>Whether a folder holds a bundle.</summary>
    public static bool IsModel(string folder) => File.Exists(Path.Combine(folder, Bundle.ManifestName));
}
