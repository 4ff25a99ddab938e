using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace PublicApi;

/// <summary>Holds a library against the <c>PublicApi.txt</c> beside its project: neither changes without the other.</summary>
[DiagnosticAnalyzer(LanguageNames.CSharp)]
public sealed class PublicApiAnalyzer : DiagnosticAnalyzer
{
    private const string FileName = "PublicApi.txt";
    private const string ToAccept = "If that is meant, run `dotnet build -p:AcceptPublicApi=true` in {1} and commit the file.";

    private static readonly DiagnosticDescriptor More = Rule("API001", $"`{{0}}` is public and not in {FileName}. {ToAccept}");
    private static readonly DiagnosticDescriptor Less = Rule("API002", $"`{{0}}` is in {FileName} and not public any more. {ToAccept}");

    public override ImmutableArray<DiagnosticDescriptor> SupportedDiagnostics { get; } = [More, Less];

    public override void Initialize(AnalysisContext context)
    {
        context.EnableConcurrentExecution();
        context.ConfigureGeneratedCodeAnalysis(GeneratedCodeAnalysisFlags.Analyze | GeneratedCodeAnalysisFlags.ReportDiagnostics);
        context.RegisterCompilationAction(Check);
    }

    private static void Check(CompilationAnalysisContext context)
    {
        if (context.Options.AdditionalFiles.FirstOrDefault(file => Path.GetFileName(file.Path) == FileName) is not { } file)
            return;

        var surface = PublicSurface.Of(context.Compilation.Assembly);
        context.Options.AnalyzerConfigOptionsProvider.GlobalOptions.TryGetValue("build_property.AcceptPublicApi", out var accept);
        if (accept == "true")
            File.WriteAllText(file.Path, string.Concat(surface.Select(declaration => declaration.Line + "\n")));
        else
            foreach (var difference in Differences(surface, file.Path, file.GetText(context.CancellationToken)!))
                context.ReportDiagnostic(difference);
    }

    private static IEnumerable<Diagnostic> Differences(IEnumerable<(string, Location)> surface, string path, SourceText text)
    {
        var written = text.Lines.Where(line => !line.Span.IsEmpty)
            .Select(line => (line.ToString(), Location.Create(path, line.Span, text.Lines.GetLinePositionSpan(line.Span))));
        var (actual, expected) = (Entry.Of(surface), Entry.Of(written));
        return Missing(More, actual, from: expected).Concat(Missing(Less, expected, from: actual));

        IEnumerable<Diagnostic> Missing(DiagnosticDescriptor rule, IReadOnlyList<Entry> entries, IReadOnlyList<Entry> from)
        {
            var names = new HashSet<string>(from.Select(entry => entry.Name));
            var types = new HashSet<string>(from.Select(entry => entry.Type));
            return from entry in entries
                   where !names.Contains(entry.Name) && (entry.IsType || types.Contains(entry.Type)) // a type's own line says enough
                   select Diagnostic.Create(rule, entry.Place, entry.Name, Path.GetDirectoryName(path));
        }
    }

    private static DiagnosticDescriptor Rule(string id, string message) => new(id, "The public API is what is written down", message,
        "Api", DiagnosticSeverity.Error, isEnabledByDefault: true, customTags: WellKnownDiagnosticTags.CompilationEnd);
}
