namespace Dalle.ML.Cli;

/// <summary>What commands read: files, or standard input for '-'.</summary>
internal static class InputFile
{
    public const string StandardInput = "-";

    /// <summary>Reads all of a file, or of standard input.</summary>
    /// <param name="path">The file, '-' for standard input.</param>
    /// <param name="what">What the file should be, for errors.</param>
    /// <param name="cancellation">The user's wish to stop.</param>
    /// <param name="mostMebibytes">The limit on its size: an endless pipe must not take all memory.</param>
    /// <exception cref="IOException">The file cannot be read, or is too large.</exception>
    public static MemoryStream Read(string path, string what, CancellationToken cancellation, int mostMebibytes = 1024)
    {
        cancellation.ThrowIfCancellationRequested();
        using var source = path == StandardInput ? Console.OpenStandardInput() : Open(path, what);
        var most = (long)mostMebibytes << 20;
        var bytes = new MemoryStream(source.CanSeek ? (int)Math.Min(source.Length, most) : 0);
        // Whoever waits for standard input cannot be stopped, but need not be waited for.
        CopyAsync().WaitAsync(cancellation).GetAwaiter().GetResult();
        bytes.Position = 0;
        return bytes;

        async Task CopyAsync()
        {
            var buffer = new byte[1 << 16];
            for (int read; (read = await source.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
            {
                if (bytes.Length + read > most)
                    throw new IOException($"{(path == StandardInput ? "Standard input" : $"The {what} '{path}'")} is larger than {mostMebibytes} MiB, the limit on what is read.");
                bytes.Write(buffer, 0, read);
            }
        }
    }

    private static FileStream Open(string path, string what)
    {
        if (Directory.Exists(path))
            throw new IOException($"The {what} '{path}' is a folder.");
        if (!File.Exists(path))
            throw new FileNotFoundException($"The {what} '{path}' does not exist; '-' reads standard input.", path);
        return File.OpenRead(path);
    }
}
