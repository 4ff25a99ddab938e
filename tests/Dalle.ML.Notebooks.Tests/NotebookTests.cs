using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Dalle.ML.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;

namespace Dalle.ML.Notebooks.Tests;

/// <summary>The notebooks are what their twins say, and run without an error, as notebooks and as programs.</summary>
public sealed class NotebookTests
{
    private const int LargestFile = 300 * 1024;

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    public static TheoryData<string> Names => [.. Twin.All.Select(twin => twin.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void It_has_the_cells_of_its_twin(string name)
    {
        var twin = Find(name);
        Assert.Equal(twin.Cells(), Ipynb.ReadCells(twin.NotebookPath));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void It_is_committed_with_pictures_and_without_errors(string name)
    {
        var path = Find(name).NotebookPath;
        Assert.Empty(Ipynb.Errors(Ipynb.ReadOutputs(path)));
        Assert.Matches("data:image/png;base64,", File.ReadAllText(path));
        Assert.InRange(new FileInfo(path).Length, 1, LargestFile);
    }

    /// <summary>No path of the machine that it was made on is in a notebook.</summary>
    [Theory]
    [MemberData(nameof(Names))]
    public void It_tells_nothing_of_the_machine(string name)
    {
        var text = Regex.Replace(File.ReadAllText(Find(name).NotebookPath), "base64,[A-Za-z0-9+/=]*", "");
        Assert.DoesNotContain(Path.GetTempPath(), text, StringComparison.Ordinal);
        Assert.DoesNotContain(Twin.Root, text, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Its_twin_compiles(string name)
    {
        // Directives of a file-based app are the SDK's; the lines stay, so that messages tell the right ones.
        var source = Regex.Replace(File.ReadAllText(Find(name).FullPath), "(?m)^#:.*$", "");
        const string Implicit = "global using System; global using System.Collections.Generic; global using System.Linq; global using System.Threading.Tasks;";
        var compilation = CSharpCompilation.Create(
            "twin", [CSharpSyntaxTree.ParseText(Implicit), CSharpSyntaxTree.ParseText(source, path: name + ".cs")], References,
            new CSharpCompilationOptions(OutputKind.ConsoleApplication).WithNullableContextOptions(NullableContextOptions.Enable));
        Assert.Empty(compilation.GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning));
    }

    /// <summary>The one that a newcomer opens first; the others are Category=Slow.</summary>
    [Fact]
    public void The_first_runs_in_a_kernel() => Run(Twin.All[0]);

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Category", "Slow")]
    public void It_runs_in_a_kernel(string name) => Run(Find(name));

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Category", "Slow")]
    public async Task Its_twin_runs(string name)
    {
        using var folder = new TemporaryFolder();
        var start = new ProcessStartInfo("dotnet", ["run", Find(name).FullPath]) { WorkingDirectory = folder.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, output + await errors);
        Assert.Contains("data:image/png;base64,", File.ReadAllText(Path.Combine(folder.Path, name + ".html")), StringComparison.Ordinal);
    }

    /// <summary>Every cell runs, and shows as much as in the committed notebook.</summary>
    private static void Run(Twin twin)
    {
        IReadOnlyList<JsonArray> outputs = [];
        try
        {
            outputs = Kernel.Run(twin);
        }
        catch (IOException exception)
        {
            Assert.Skip(exception.Message);
        }
        Assert.Empty(Ipynb.Errors(outputs));
        Assert.Equal(Ipynb.ReadOutputs(twin.NotebookPath).Select(Shown), outputs.Select(Shown));
    }

    /// <summary>How many values a cell shows, and whether it prints text: into how many pieces that is cut is up to the kernel.</summary>
    private static (int Values, bool HasText) Shown(JsonArray cell)
    {
        var types = cell.Select(output => (string)output!["output_type"]!).ToArray();
        return (types.Count(type => type != "stream"), types.Contains("stream"));
    }

    private static Twin Find(string name) => Twin.All.Single(twin => twin.Name == name);
}
