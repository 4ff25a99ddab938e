namespace Dalle.ML.Cli;

/// <summary>
/// A file that appears whole or not at all: it is written beside its place and renamed at the end. What is not a file of a disk, such as a
/// pipe, is written at once.
/// </summary>
internal sealed class DraftFile : IDisposable
{
    private readonly string _target;
    private readonly string? _draft;
    private readonly FileStream _stream;

    /// <param name="path">The full path.</param>
    /// <param name="name">The path as the user gave it, for messages.</param>
    /// <param name="option">The option that names it, for messages.</param>
    /// <exception cref="IOException">The file cannot be written.</exception>
    public DraftFile(string path, string name, string option)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{name}' is a folder. {option} names a file.");
        try
        {
            // A link stays a link.
            _target = new FileInfo(path) is { LinkTarget: not null } link && !IsDevice(path) ? link.ResolveLinkTarget(returnFinalTarget: true)!.FullName : path;
            _draft = IsPlain(_target) ? Path.Combine(Path.GetDirectoryName(_target)!, $".{Guid.NewGuid():N}.tmp") : null;
            _stream = new FileStream(_draft ?? path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"'{name}' cannot be written: {Obstacle.Of(exception, path)} Choose another file for {option}.", exception);
        }
    }

    public void Write(ReadOnlySpan<byte> content) => _stream.Write(content);

    /// <summary>Puts the file into its place.</summary>
    public void Finish()
    {
        _stream.Dispose();
        if (_draft is not null)
            File.Move(_draft, _target, overwrite: true);
    }

    public void Dispose()
    {
        _stream.Dispose();
        if (_draft is not null)
            File.Delete(_draft);
    }

    private static bool IsDevice(string path) =>
        !OperatingSystem.IsWindows() && (path.StartsWith("/dev/", StringComparison.Ordinal) || path.StartsWith("/proc/", StringComparison.Ordinal));

    private static bool IsPlain(string path)
    {
        if (IsDevice(path))
            return false;
        if (!File.Exists(path))
            return true;
        // For reading too: to open a pipe for writing alone waits for its reader.
        using var existing = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        return existing.CanSeek;
    }
}
