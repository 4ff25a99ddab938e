using System.Diagnostics;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;
using Microsoft.CodeAnalysis.Text;

namespace Dalle.ML.Docs.Tests;

/// <summary>
/// Every C# block of README and docs compiles as a program without a warning, as in a new console project. A block behind
/// <c>&lt;!-- continues --&gt;</c> is compiled with the blocks that it continues, one behind <c>&lt;!-- run --&gt;</c> is run too.
/// </summary>
public sealed class CodeTests : IDisposable
{
    // What a console project has with ImplicitUsings.
    private const string ImplicitUsings = """
        global using System;
        global using System.Collections.Generic;
        global using System.IO;
        global using System.Linq;
        global using System.Net.Http;
        global using System.Threading;
        global using System.Threading.Tasks;
        """;

    private static readonly MetadataReference[] References =
        [.. ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator).Select(path => MetadataReference.CreateFromFile(path))];

    private static readonly CSharpCompilationOptions Options = new CSharpCompilationOptions(OutputKind.ConsoleApplication)
        .WithNullableContextOptions(NullableContextOptions.Enable)
        .WithOptimizationLevel(OptimizationLevel.Release)
        // MEAI001: IImageGenerator of Microsoft.Extensions.AI is marked experimental; the page says so.
        // CS1701: the SDK suppresses it in every project.
        .WithSpecificDiagnosticOptions(new[] { "MEAI001", "CS1701" }.Select(id => KeyValuePair.Create(id, ReportDiagnostic.Suppress)));

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public static IEnumerable<TheoryDataRow<string, int>> Programs => Of(_ => true);

    public static IEnumerable<TheoryDataRow<string, int>> RunnablePrograms => Of(block => block.Marks.Contains("run"));

    public void Dispose() => _folder.Delete(recursive: true);

    [Theory]
    [MemberData(nameof(Programs))]
    public void It_compiles_without_a_warning(string page, int line)
    {
        var found = Compile(page, line, "Program").GetDiagnostics().Where(diagnostic => diagnostic.Severity >= DiagnosticSeverity.Warning);
        Assert.Empty(found.Select(diagnostic => $"{diagnostic.Location.GetMappedLineSpan()}: {diagnostic.GetMessage()}"));
    }

    [Theory]
    [MemberData(nameof(RunnablePrograms))]
    public async Task It_runs(string page, int line)
    {
        // Beside the tests, with whose dependencies it runs, and where the built-in model lies.
        var program = Path.Combine(AppContext.BaseDirectory, $"{Path.GetFileNameWithoutExtension(page)}-{line}.dll");
        var result = Compile(page, line, Path.GetFileNameWithoutExtension(program)).Emit(program);
        Assert.True(result.Success, string.Join('\n', result.Diagnostics));
        var tests = Path.ChangeExtension(typeof(CodeTests).Assembly.Location, null);
        var start = new ProcessStartInfo("dotnet", ["exec", "--depsfile", tests + ".deps.json", "--runtimeconfig", tests + ".runtimeconfig.json", program])
        {
            WorkingDirectory = _folder.FullName,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 0, $"{page}:{line}\n{output}\n{await errors}");
    }

    [Fact]
    public void Every_mark_is_known()
    {
        var marks = Page.All.SelectMany(page => page.Blocks()).SelectMany(block => block.Marks);
        Assert.Empty(marks.Except(["continues", "run"]));
    }

    private static IEnumerable<TheoryDataRow<string, int>> Of(Func<Block, bool> condition) =>
        from page in Page.All
        from block in page.Blocks()
        where block.Language == "csharp" && condition(block)
        select new TheoryDataRow<string, int>(page.Name, block.Line);

    private static CSharpCompilation Compile(string page, int line, string assembly) => CSharpCompilation.Create(
        assembly, [CSharpSyntaxTree.ParseText(ImplicitUsings), Program(page, line)], References, Options);

    /// <summary>The block with those that it continues as one program: usings first, then statements, then types.</summary>
    private static SyntaxTree Program(string page, int line)
    {
        var blocks = new Page(page).Blocks().Where(block => block.Language == "csharp" && block.Line <= line).ToArray();
        var first = Array.FindLastIndex(blocks, block => !block.Marks.Contains("continues"));
        Assert.True(first >= 0, $"{page}:{line} continues nothing.");
        var units = blocks[first..].Select(block => CSharpSyntaxTree.ParseText(block.Text).GetCompilationUnitRoot()).ToArray();
        var members = units.SelectMany(unit => unit.Members).ToArray();
        var parts = units.SelectMany(unit => unit.Usings).DistinctBy(directive => directive.ToString().Trim()).Select(directive => directive.ToFullString())
            .Concat(members.OfType<GlobalStatementSyntax>().Select(statement => statement.ToFullString()))
            .Concat(members.Where(member => member is not GlobalStatementSyntax).Select(member => member.ToFullString()));
        return CSharpSyntaxTree.ParseText(SourceText.From(string.Join('\n', parts), System.Text.Encoding.UTF8), path: $"{page}:{line}");
    }
}
