using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Xml.Linq;

namespace Dalle.ML.Notebooks;

/// <summary>
/// Runs notebooks through dotnet-repl, with the packages of this repository as they are built. Of what notebooks take, nothing is left in the machine's
/// folder of packages.
/// </summary>
public static class Kernel
{
    private static readonly string Folder = Directory.CreateDirectory(Path.Combine(Twin.Root, "artifacts", "notebooks")).FullName;

    private static readonly HashSet<string> Packed = [];

    private static string? _known;

    /// <summary>Runs the cells of a notebook, all of them, also behind one that fails.</summary>
    /// <param name="twin">The notebook.</param>
    /// <returns>The outputs of each code cell; those of the first, which tell of packages, are left out.</returns>
    /// <exception cref="IOException">The package feed cannot be reached.</exception>
    /// <exception cref="InvalidOperationException">A program that it takes failed. A cell that fails has an error among its outputs.</exception>
    public static IReadOnlyList<JsonArray> Run(Twin twin)
    {
        foreach (var project in twin.Projects)
            Pack(Path.Combine(Twin.Root, "src", project, $"{project}.csproj"));
        if (_known is null)
        {
            RestoreTool();
            _known = LinkKnownPackages();
        }
        var (input, output) = (Path.Combine(Folder, $"{twin.Name}.ipynb"), Path.Combine(Folder, $"{twin.Name}.out.ipynb"));
        File.Delete(output);
        Ipynb.Write(input, twin.Cells());
        var told = Start(
            [
                "tool", "run", "dotnet-repl", "--",
                "--run", input, "--exit-after-run", "--output-format", "ipynb", "--output-path", output,
            ],
            new() { ["NUGET_PACKAGES"] = Path.Combine(Folder, "packages"), ["RestoreFallbackFolders"] = _known, ["RestoreAdditionalProjectSources"] = Path.Combine(Folder, "packed") });
        if (!File.Exists(output))
            throw new InvalidOperationException($"dotnet-repl wrote no {output}:\n{told.Text}");
        var outputs = Ipynb.ReadOutputs(output);
        if (told.Status != 0 && !Ipynb.Errors(outputs).Any())
            throw new InvalidOperationException($"dotnet-repl ended with status {told.Status}:\n{told.Text}");
        // References are told of in several lines, with paths of this machine. If one fails, that is what is to be seen.
        var errors = Ipynb.Errors(outputs.Take(1)).ToArray();
        if (errors.Any(IsUnreachable))
            throw new IOException("The package feed cannot be reached, which packages of the notebook come from.");
        return errors.Length > 0 ? outputs : [[], .. outputs.Skip(1)];
    }

    private static bool IsUnreachable(string text) =>
        text.Contains("Unable to load the service index", StringComparison.Ordinal) || text.Contains("NU1301", StringComparison.Ordinal);

    /// <summary>Packs a project and those that it refers to.</summary>
    private static void Pack(string project)
    {
        if (!Packed.Add(project))
            return;
        foreach (var reference in XDocument.Load(project).Descendants("ProjectReference"))
            Pack(Path.GetFullPath(reference.Attribute("Include")!.Value, Path.GetDirectoryName(project)!));
        var configuration = Path.GetFileName(Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory));
        var told = Start(["pack", project, "-c", configuration, "--no-build", "-o", Path.Combine(Folder, "packed")], []);
        if (told.Status != 0)
            throw new InvalidOperationException(told.Text);
        // The one of the same version that a former run unpacked.
        var unpacked = Path.Combine(Folder, "packages", Path.GetFileNameWithoutExtension(project).ToLowerInvariant());
        if (Directory.Exists(unpacked))
            Directory.Delete(unpacked, recursive: true);
    }

    /// <summary>Restores dotnet-repl into the machine's folder: dotnet remembers for all clones where a tool is, and this one may be deleted.</summary>
    private static void RestoreTool()
    {
        var told = Start(["tool", "restore"], []);
        if (IsUnreachable(told.Text))
            throw new IOException("The package feed cannot be reached, which dotnet-repl comes from.");
        if (told.Status != 0)
            throw new InvalidOperationException(told.Text);
    }

    /// <summary>A folder with links to the packages that the machine has, without ours: those of the same version may be older.</summary>
    private static string LinkKnownPackages()
    {
        var known = Path.Combine(Folder, "known");
        if (Directory.Exists(known))
            Directory.Delete(known, recursive: true);
        Directory.CreateDirectory(known);
        var machine = Start(["nuget", "locals", "global-packages", "--list", "--force-english-output"], []).Text.Split(": ", 2)[1].Trim();
        // Windows lets few users make links: there the packages are restored anew.
        if (!OperatingSystem.IsWindows() && Directory.Exists(machine))
        {
            foreach (var package in Directory.EnumerateDirectories(machine).Where(package => !Path.GetFileName(package).StartsWith("dalle.ml", StringComparison.Ordinal)))
                Directory.CreateSymbolicLink(Path.Combine(known, Path.GetFileName(package)), package);
        }
        return known;
    }

    private static (int Status, string Text) Start(string[] arguments, Dictionary<string, string> environment)
    {
        var start = new ProcessStartInfo("dotnet", arguments) { WorkingDirectory = Twin.Root, RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var errors = process.StandardError.ReadToEndAsync();
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text + errors.Result);
    }
}
