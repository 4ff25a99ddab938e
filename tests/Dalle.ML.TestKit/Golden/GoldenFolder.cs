namespace Dalle.ML.Tests.Golden;

/// <summary>
/// The reference data of the public model families: the folder that the environment variable <c>DALLE_GOLDEN</c> names, else
/// <c>../shared/golden</c> beside the repository, else the part of it that the repository holds.
/// </summary>
public static class GoldenFolder
{
    private static readonly Lazy<string> Found = new(Find);

    /// <exception cref="DirectoryNotFoundException">The variable names a folder that is not there, or has no folders: every test would be skipped.</exception>
    public static string Root => Found.Value;

    /// <summary>Whether the variable names the folder, so that what cannot be read in it is a failure.</summary>
    public static bool IsNamed => Environment.GetEnvironmentVariable("DALLE_GOLDEN") is { Length: > 0 };

    /// <summary>The folder of a family. A test of a family that is not there is skipped.</summary>
    public static string Of(string family)
    {
        var folder = Path.Combine(Root, family);
        Assert.SkipUnless(Directory.Exists(folder), $"'{Root}' has no reference data of {family}.");
        return folder;
    }

    /// <summary>The files of these names in a family's folder and those within, as paths below the root; a reason to skip where there are none.</summary>
    public static IEnumerable<TheoryDataRow<string>> Files(string family, params string[] names) =>
        Entries(family, Directory.EnumerateFiles, names);

    /// <summary>The folders of this name in a family's folder and those within, as <see cref="Files"/>.</summary>
    public static IEnumerable<TheoryDataRow<string>> Folders(string family, string name) => Entries(family, Directory.EnumerateDirectories, name);

    private static IEnumerable<TheoryDataRow<string>> Entries(
        string family, Func<string, string, SearchOption, IEnumerable<string>> enumerate, params string[] names)
    {
        var folder = Path.Combine(Root, family);
        string[] entries = Directory.Exists(folder)
            ? [.. enumerate(folder, "*", SearchOption.AllDirectories).Where(entry => names.Contains(Path.GetFileName(entry))).Order(StringComparer.Ordinal)]
            : [];
        return entries.Length > 0
            ? entries.Select(entry => new TheoryDataRow<string>(Path.GetRelativePath(Root, entry)))
            : [new TheoryDataRow<string>(family) { Skip = $"There is no golden {string.Join(" or ", names)} of '{family}': set DALLE_GOLDEN." }];
    }

    private static string Find()
    {
        if (Environment.GetEnvironmentVariable("DALLE_GOLDEN") is { Length: > 0 } named)
        {
            return Directory.Exists(named) && Directory.EnumerateDirectories(named).Any() ? named
                : throw new DirectoryNotFoundException($"DALLE_GOLDEN is '{named}', which is no folder that has one for each family.");
        }

        var repository = Repository.Root;
        var beside = Path.Combine(Path.GetDirectoryName(repository) ?? "", "shared", "golden");
        return Directory.Exists(beside) ? beside : Path.Combine(repository, "tests", "golden");
    }
}
