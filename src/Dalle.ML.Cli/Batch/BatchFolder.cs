using System.Security.Cryptography;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli;

/// <summary>
/// The output folder of a batch, open for one shard. Files appear complete or not at all: they are written under a temporary name of the shard,
/// flushed to disk and renamed. A lock keeps other processes off the same shard; different shards write files of different names.
/// </summary>
internal sealed class BatchFolder : IDisposable
{
    private const string TemporaryPrefix = ".shard-";

    private readonly FileStream _lock;
    private readonly string _temporary;

    /// <exception cref="IOException">The folder cannot be created or written, or another process works on the shard.</exception>
    public BatchFolder(string path, Shard shard)
    {
        FullPath = path;
        _temporary = PathOf(TemporaryPrefix + shard.Name);
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The output folder '{path}' cannot be created: {Obstacle.OfFolder(exception, path)}", exception);
        }
        try
        {
            _lock = Lock(_temporary + ".lock");
        }
        catch (UnauthorizedAccessException exception)
        {
            throw new IOException($"The output folder '{path}' cannot be written: this user has no right to.", exception);
        }
        catch (IOException exception) when (File.Exists(_temporary + ".lock"))
        {
            throw new IOException($"Another process works on shard {shard} of '{path}' ({exception.Message}) Wait until it ends, or give each process a different --shard.", exception);
        }

        // Left by a killed process of this shard.
        File.Delete(_temporary + ".tmp");
    }

    public string FullPath { get; }

    public string PathOf(string name) => Path.Combine(FullPath, name);

    /// <summary>Writes a file, or replaces it.</summary>
    public void Write(string name, ReadOnlySpan<byte> content) => File.Move(Draft(content), PathOf(name), overwrite: true);

    /// <summary>Writes a small file unless it is there, even if others are about to write it too.</summary>
    public void WriteNew(string name, ReadOnlySpan<byte> content)
    {
        var draft = Draft(content);
        try
        {
            File.Move(draft, PathOf(name), overwrite: false);
        }
        catch (IOException) when (File.Exists(PathOf(name)))
        {
            File.Delete(draft);
        }
    }

    /// <summary>Writes an image, or replaces it.</summary>
    /// <returns>SHA-256 of the file.</returns>
    /// <exception cref="PromptException">A folder has the image's name.</exception>
    public string Save(MLImage image, string name)
    {
        if (Directory.Exists(PathOf(name)))
            throw new PromptException($"'{name}' is a folder. Remove it.");
        var bytes = image.ToPng();
        Write(name, bytes);
        return Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    /// <summary>Whether a file exists with the expected content.</summary>
    public static bool Holds(string folder, string name, string sha256)
    {
        var path = Path.Combine(folder, name);
        if (!File.Exists(path))
            return false;
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file)) == sha256;
    }

    /// <summary>Removes files left by killed processes of other shards, unless those run again.</summary>
    public void RemoveAbandoned()
    {
        foreach (var path in Directory.GetFiles(FullPath, TemporaryPrefix + "*.lock").Where(path => path != _temporary + ".lock"))
        {
            try
            {
                using var abandoned = Lock(path);
                File.Delete(Path.ChangeExtension(path, ".tmp"));
            }
            catch (IOException)
            {
                // The shard is in use.
            }
        }
    }

    public void Dispose()
    {
        File.Delete(_temporary + ".tmp");
        _lock.Dispose();
    }

    private string Draft(ReadOnlySpan<byte> content)
    {
        var path = _temporary + ".tmp";
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None);
        file.Write(content);
        file.Flush(flushToDisk: true);
        return path;
    }

    /// <summary>A file that one process at a time can hold. It is removed at the end; one that a killed process left does not block others.</summary>
    private static FileStream Lock(string path) =>
        new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 1, FileOptions.DeleteOnClose);
}
