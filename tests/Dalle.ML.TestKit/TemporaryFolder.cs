namespace Dalle.ML.Tests;

/// <summary>A folder that is gone when the test is.</summary>
public sealed class TemporaryFolder : IDisposable
{
    // Linux has a file system in memory. A file that is written thousands of times would wait for the disk most of the time.
    private const string Memory = "/dev/shm";

    /// <param name="isInMemory">Whether its files, which must be small, are kept in memory where that is possible.</param>
    public TemporaryFolder(bool isInMemory = false) =>
        Path = isInMemory && Directory.Exists(Memory)
            ? Directory.CreateDirectory(System.IO.Path.Combine(Memory, $"dalle-{Guid.NewGuid():N}")).FullName
            : Directory.CreateTempSubdirectory("dalle-").FullName;

    public string Path { get; }

    /// <summary>Copies the files of a folder into a new one here.</summary>
    public string CopyOf(string folder, string name)
    {
        var copy = Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            var to = System.IO.Path.Combine(copy, System.IO.Path.GetRelativePath(folder, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(to)!);
            File.WriteAllBytes(to, File.ReadAllBytes(file));
        }
        return copy;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
