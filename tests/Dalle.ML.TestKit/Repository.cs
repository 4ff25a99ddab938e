namespace Dalle.ML.Tests;

/// <summary>The repository that the tests were built in.</summary>
public static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Dalle.ML.sln")))
            folder = folder.Parent!;
        return folder.FullName;
    }
}
