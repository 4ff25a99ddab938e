namespace Dalle.ML.Cli;

/// <summary>Input of commands: files, or standard input for '-'.</summary>
internal static class InputFile
{
    public const string StandardInput = "-";

    /// <summary>Reads all of a file, or of standard input.</summary>
    /// <param name="console">Standard input and the folder of relative paths.</param>
    /// <param name="path">The file, '-' for standard input.</param>
    /// <param name="what">Kind of the file, for errors.</param>
    /// <param name="cancellationToken">Stops the wait for input.</param>
    /// <param name="mostMebibytes">The limit on its size: an endless pipe must not take all memory.</param>
    /// <exception cref="IOException">The file cannot be read, or is too large.</exception>
    public static MemoryStream Read(ToolConsole console, string path, string what, CancellationToken cancellationToken, int mostMebibytes = 256)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var source = path == StandardInput ? console.OpenInput() : Open(console.FullPath(path), path, what);
        var most = (long)mostMebibytes << 20;
        var bytes = new MemoryStream(source.CanSeek ? (int)Math.Min(source.Length, most) : 0);
        // A read of standard input cannot be cancelled, but the command need not wait for it.
        CopyAsync().WaitAsync(cancellationToken).GetAwaiter().GetResult();
        bytes.Position = 0;
        return bytes;

        async Task CopyAsync()
        {
            var buffer = new byte[1 << 16];
            for (int read; (read = await source.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            {
                if (bytes.Length + read > most)
                    throw new IOException($"{(path == StandardInput ? "Standard input" : $"The {what} '{path}'")} is larger than {mostMebibytes} MiB, the limit on what is read.");
                bytes.Write(buffer, 0, read);
            }
        }
    }

    private static FileStream Open(string fullPath, string path, string what)
    {
        if (Directory.Exists(fullPath))
            throw new IOException($"The {what} '{path}' is a folder.");
        if (!File.Exists(fullPath))
            throw new FileNotFoundException($"The {what} '{path}' does not exist; '-' reads standard input.", path);
        try
        {
            return File.OpenRead(fullPath);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The {what} '{path}' cannot be read: {Obstacle.Of(exception, fullPath)}", exception);
        }
    }
}
