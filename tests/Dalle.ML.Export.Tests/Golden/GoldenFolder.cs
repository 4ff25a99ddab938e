namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// The reference data of the public model families: the folder that the environment variable <c>DALLE_GOLDEN</c> names, else
/// <c>../shared/golden</c> beside the repository.
/// </summary>
internal static class GoldenFolder
{
    /// <summary>The folder; null if the variable is not set and there is none beside the repository.</summary>
    /// <exception cref="DirectoryNotFoundException">The variable names a folder that is not there.</exception>
    public static string? Root { get; } = Find();

    /// <summary>The files of these names in a family's folder and those within, as paths below the root; a reason to skip where there are none.</summary>
    public static IEnumerable<TheoryDataRow<string>> Files(string family, params string[] names)
    {
        var folder = Path.Combine(Root ?? "", family);
        string[] files = Root is null || !Directory.Exists(folder) ? []
            : [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(file => names.Contains(Path.GetFileName(file))).Order(StringComparer.Ordinal)];
        return files.Length > 0
            ? files.Select(file => new TheoryDataRow<string>(Path.GetRelativePath(Root!, file)))
            : [new TheoryDataRow<string>(family) { Skip = $"There is no golden {string.Join(" or ", names)} of '{family}': set DALLE_GOLDEN." }];
    }

    private static string? Find()
    {
        if (Environment.GetEnvironmentVariable("DALLE_GOLDEN") is { Length: > 0 } named)
            return Directory.Exists(named) ? named : throw new DirectoryNotFoundException($"DALLE_GOLDEN names '{named}', which is no folder.");

        var repository = new DirectoryInfo(AppContext.BaseDirectory);
        while (repository is not null && !File.Exists(Path.Combine(repository.FullName, "Dalle.ML.sln")))
            repository = repository.Parent;
        var beside = Path.Combine(repository?.Parent?.FullName ?? "", "shared", "golden");
        return Directory.Exists(beside) ? beside : null;
    }
}
