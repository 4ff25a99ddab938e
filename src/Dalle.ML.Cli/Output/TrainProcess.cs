using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Dalle.ML.Cli;

/// <summary>Runs <c>dalle-train</c> on this terminal, and ends it with the tool.</summary>
internal static partial class TrainProcess
{
    // The program saves and ends when the tool does, however that ends.
    private const string ParentVariable = "DALLE_TRAIN_PARENT";
    private const int Terminate = 15;

    private static string Program => OperatingSystem.IsWindows() ? "dalle-train.exe" : "dalle-train";

    /// <param name="console">The tool's folder and environment. The streams are those of the process, so that the program sees the terminal.</param>
    /// <param name="arguments">The program's arguments.</param>
    /// <param name="cancellationToken">Ends the program, which saves first.</param>
    /// <returns>Its exit code.</returns>
    /// <exception cref="NotSupportedException">It is not installed.</exception>
    public static async Task<int> RunAsync(ToolConsole console, IEnumerable<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(Find(console), arguments) { WorkingDirectory = console.WorkingFolder };
        start.Environment[ParentVariable] = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        using var process = Process.Start(start)!;
        await using (cancellationToken.Register(() => Interrupt(process)))
            await process.WaitForExitAsync(CancellationToken.None);
        return process.ExitCode;
    }

    /// <summary>The program beside the tool, among the tools of .NET, or on the path.</summary>
    private static string Find(ToolConsole console)
    {
        var home = console.Variable("DOTNET_CLI_HOME") ?? console.Variable(OperatingSystem.IsWindows() ? "USERPROFILE" : "HOME");
        var folders = new[] { Path.GetDirectoryName(Environment.ProcessPath), AppContext.BaseDirectory, ToolFolder(), home is null ? null : Path.Combine(home, ".dotnet", "tools") }
            .Concat(console.Variable("PATH")?.Split(Path.PathSeparator) ?? []);
        return folders.Where(folder => Path.IsPathFullyQualified(folder ?? "")).Select(folder => Path.Combine(folder!, Program)).FirstOrDefault(File.Exists)
            ?? throw new NotSupportedException(
                $"Training is a tool of its own, as it comes with half a gigabyte of libtorch, and '{Program}' is neither beside this tool, nor among the tools of .NET, nor on the path. "
                + "Install it: dotnet tool install --global Dalle.ML.Training.Tool. In a clone: dotnet run --project src/Dalle.ML.Training.Host -- …");
    }

    /// <summary>The folder that <c>dotnet tool install</c> put the tool into, by a link to its files in <c>.store</c>; null where it was not installed.</summary>
    private static string? ToolFolder()
    {
        var store = AppContext.BaseDirectory.LastIndexOf($"{Path.DirectorySeparatorChar}.store{Path.DirectorySeparatorChar}", StringComparison.Ordinal);
        return store < 0 ? null : AppContext.BaseDirectory[..store];
    }

    /// <summary>From a terminal both get Ctrl+C, but a signal goes to one process. Windows has no such signals.</summary>
    private static void Interrupt(Process process)
    {
        if (!OperatingSystem.IsWindows() && !process.HasExited)
            _ = Kill(process.Id, Terminate);
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Kill(int process, int signal);
}
