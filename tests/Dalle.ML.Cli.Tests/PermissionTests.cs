using System.Diagnostics;

namespace Dalle.ML.Cli.Tests;

/// <summary>What a user may not read or write is named, with the right that is missing.</summary>
public sealed class PermissionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Files_and_folders_without_rights_are_named()
    {
        // Root may read everything, so that the tool runs as another user.
        Assert.SkipUnless(OperatingSystem.IsLinux() && Environment.UserName == "root" && File.Exists("/usr/bin/setpriv"), "The test runs the tool as another user, for which it must be root on Linux.");
        if (!OperatingSystem.IsLinux())
            return;
        const UnixFileMode Open = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        const UnixFileMode Own = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Assert.SkipUnless((await RunAsync("info", TinyModel.Path, "--json")).ExitCode is 0 or 1, "The tool's own files cannot be read by another user.");
        File.SetUnixFileMode(_folder.Path, Open | UnixFileMode.OtherWrite);
        var model = _folder.CopyOf(TinyModel.Path, "model");
        File.WriteAllText(In("prompts.txt"), "a cat\n");
        File.SetUnixFileMode(In("prompts.txt"), Own);
        Directory.CreateDirectory(In("closed"), Own);

        await Fail("The file of prompts 'prompts.txt' cannot be read: this user has no right to.", "generate", "--prompts", "prompts.txt", "--seed", "1");
        await Fail("closed' cannot be written: this user has no right to.", "batch", "-o", "closed", "--format", "txt", "--seed", "1", "-");
        await Fail("closed/x.", "export", "real-esrgan", "--random", "--size", "tiny", "-o", "closed/x");
        File.SetUnixFileMode(Path.Combine(model, "dalle.json"), Own);
        await Fail("'dalle.json' cannot be read: this user has no right to.", "info", "model");
        File.SetUnixFileMode(model, Own);
        await Fail("'dalle.json' cannot be read: this user has no right to.", "info", "model");
    }

    private string In(string name) => Path.Combine(_folder.Path, name);

    private async Task Fail(string message, params string[] arguments)
    {
        var run = await RunAsync(arguments);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("denied", run.Errors, StringComparison.Ordinal);
    }

    private async Task<Tool> RunAsync(params string[] arguments)
    {
        var start = new ProcessStartInfo("sh",
            ["-c", "echo a cat | exec setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=\"$PWD\" dotnet \"$@\"", "sh", ToolProcess.AssemblyPath, .. arguments])
        {
            WorkingDirectory = _folder.Path,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        return await ToolProcess.FinishAsync(process);
    }
}
