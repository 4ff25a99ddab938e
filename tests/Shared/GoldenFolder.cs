namespace Dalle.ML.Tests.Golden;

/// <summary>
/// The reference data of the public model families: the folder that the environment variable <c>DALLE_GOLDEN</c> names, else
/// <c>../shared/golden</c> beside the repository, else the part of it that the repository holds.
/// </summary>
internal static class GoldenFolder
{
    private static readonly Lazy<string> Root = new(Find);

    /// <summary>The folder of a family. A test of a family that is not there is skipped.</summary>
    /// <exception cref="DirectoryNotFoundException">The variable names a folder that is not there.</exception>
    public static string Of(string family)
    {
        var folder = Path.Combine(Root.Value, family);
        Assert.SkipUnless(Directory.Exists(folder), $"'{Root.Value}' has no reference data of {family}.");
        return folder;
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("DALLE_GOLDEN") is { Length: > 0 } named)
            return Directory.Exists(named) ? named : throw new DirectoryNotFoundException($"DALLE_GOLDEN is '{named}', which is no folder.");

        var repository = new DirectoryInfo(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Dalle.ML.sln")))
            repository = repository.Parent;
        var beside = Path.Combine(repository?.Parent?.FullName ?? "", "shared", "golden");
        return Directory.Exists(beside) ? beside : Path.Combine(AppContext.BaseDirectory, "golden");
    }
}
