using System.Runtime.InteropServices;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>Base of tests that open files which they have written.</summary>
public abstract class CheckpointTest : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        GC.SuppressFinalize(this);
    }

    internal string Write(byte[] content, string name = "file")
    {
        var path = Path.Combine(_folder.Path, name);
        File.WriteAllBytes(path, content);
        return path;
    }

    internal Checkpoint Open(byte[] content) => Checkpoint.Open(Write(content));

    /// <summary>Opens a file that must be refused, with a message that names the file and says why.</summary>
    internal void AssertRefused(byte[] content, string reason)
    {
        var path = Write(content);
        var message = Assert.Throws<InvalidDataException>(() => Checkpoint.Open(path).Dispose()).Message;
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(reason, message, StringComparison.Ordinal);
    }

    internal static byte[] Bytes<T>(params T[] values)
        where T : unmanaged => MemoryMarshal.AsBytes<T>(values).ToArray();
}
