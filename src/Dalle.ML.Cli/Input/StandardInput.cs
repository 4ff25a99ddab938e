namespace Dalle.ML.Cli;

/// <summary>The standard input of this process.</summary>
internal static class StandardInput
{
    private const string Descriptors = "/proc/self/fd";

    /// <exception cref="IOException">It is closed.</exception>
    public static Stream Open() => IsClosed()
        ? throw new IOException("Standard input is closed. Redirect a file to it, or name the file instead of '-'.")
        : Console.OpenStandardInput();

    /// <summary>
    /// Whether there is none, on Linux. The runtime then gets its number for one of its own pipes, and a read would wait for ever: a pipe that this
    /// process itself can write to has no end.
    /// </summary>
    private static bool IsClosed()
    {
        if (!OperatingSystem.IsLinux() || !Directory.Exists(Descriptors))
            return false;
        var input = Target("0");
        return input is null || input.StartsWith("anon_inode:", StringComparison.Ordinal) || input.StartsWith("pipe:", StringComparison.Ordinal)
            && Directory.EnumerateFileSystemEntries(Descriptors).Select(Path.GetFileName).Any(number => number != "0" && Target(number!) == input && IsWritable(number!));
    }

    private static string? Target(string number) => new FileInfo(Path.Combine(Descriptors, number)).LinkTarget;

    private static bool IsWritable(string number)
    {
        const int AccessMode = 3;
        var flags = File.ReadLines($"/proc/self/fdinfo/{number}").FirstOrDefault(line => line.StartsWith("flags:", StringComparison.Ordinal));
        return flags is not null && (Convert.ToInt32(flags["flags:".Length..].Trim(), 8) & AccessMode) != 0;
    }
}
