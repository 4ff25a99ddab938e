namespace Dalle.ML.Cli;

/// <summary>What commands read: files, or standard input for '-'.</summary>
internal static class InputFile
{
    public const string StandardInput = "-";

    /// <summary>Reads all of a file, or of standard input.</summary>
    /// <param name="path">The file, '-' for standard input.</param>
    /// <param name="what">What the file should be, for errors.</param>
    /// <param name="cancellation">The user's wish to stop.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static MemoryStream Read(string path, string what, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var source = path == StandardInput ? Console.OpenStandardInput() : Open(path, what);
        var bytes = new MemoryStream();
        // Whoever waits for standard input cannot be stopped, but need not be waited for.
        source.CopyToAsync(bytes, cancellation).WaitAsync(cancellation).GetAwaiter().GetResult();
        bytes.Position = 0;
        return bytes;
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
