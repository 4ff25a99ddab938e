namespace Dalle.ML.Tests;

/// <summary>A folder that is gone when the test is.</summary>
public sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("dalle-").FullName;

    /// <summary>Copies the files of a folder into a new one here.</summary>
    public string CopyOf(string folder, string name)
    {
        var copy = Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(folder))
            File.WriteAllBytes(System.IO.Path.Combine(copy, System.IO.Path.GetFileName(file)), File.ReadAllBytes(file));
        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
