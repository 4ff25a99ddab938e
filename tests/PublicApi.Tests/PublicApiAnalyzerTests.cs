using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Dalle.ML.Tests;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.Diagnostics;
using Microsoft.CodeAnalysis.Text;

namespace PublicApi.Tests;

public sealed class PublicApiAnalyzerTests : IDisposable
{
    private const string Source = """
        namespace Fruit;

        public sealed class Apple(int seeds) : System.IDisposable
        {
            public int Seeds { get; } = seeds;
            public string? Eat(double bites = 3) => null;
            public void Dispose() { }
            internal void Rot() { }
        }

        public abstract record Basket<T>(string Name) where T : class
        {
            protected internal virtual void Fill(params T[] fruits) { }
            private void Mend() { }
        }

        public enum Colour { Red, Green = 5 }

        internal sealed class Worm { public void Crawl() { } }
        """;

    private const string Surface = """
        sealed class Fruit.Apple : IDisposable
            Apple(int seeds)
            int Seeds { get; }
            string? Eat(double bites = 3)
            void Dispose()
        abstract record Fruit.Basket<T> : IEquatable<Basket<T>> where T : class
            protected Basket(string Name)
            protected virtual void Fill(params T[] fruits)
            string Name { get; init; }
        enum Fruit.Colour
            Green = 5
            Red = 0

        """;

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task What_is_written_down_builds() => Assert.Empty(await DifferencesAsync(Source, Surface));

    [Fact]
    public async Task A_new_member_is_reported_at_its_declaration()
    {
        var source = Source.Replace("internal void Rot", "public void Rot", StringComparison.Ordinal);
        var difference = Assert.Single(await DifferencesAsync(source, Surface));
        Assert.Equal(DiagnosticSeverity.Error, difference.Severity);
        Assert.Equal("`sealed class Fruit.Apple : IDisposable { void Rot() }` is public and not in PublicApi.txt. " +
            $"If that is meant, run `dotnet build -p:AcceptPublicApi=true` in {_folder.Path} and commit the file.", difference.GetMessage());
        Assert.StartsWith("Rot() { }", source[difference.Location.SourceSpan.Start..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_member_that_is_gone_is_reported_at_its_line()
    {
        var difference = Assert.Single(await DifferencesAsync(
            Source.Replace("public void Dispose", "void System.IDisposable.Dispose", StringComparison.Ordinal), Surface));
        Assert.StartsWith("`sealed class Fruit.Apple : IDisposable { void Dispose() }` is in PublicApi.txt and not public any more.",
            difference.GetMessage(), StringComparison.Ordinal);
        Assert.Equal((BaselinePath, 4), (difference.Location.GetLineSpan().Path, difference.Location.GetLineSpan().StartLinePosition.Line));
    }

    [Theory]
    [InlineData("string? Eat", "string Eat")]
    [InlineData("bites = 3", "bites = 4")]
    [InlineData("double bites", "double parts")]
    [InlineData("Seeds { get; }", "Seeds { get; set; }")]
    [InlineData("Seeds { get; }", "Seeds { get; init; }")]
    [InlineData("protected internal virtual", "public virtual")]
    [InlineData("params T[]", "T[]")]
    [InlineData("Green = 5", "Green = 6")]
    [InlineData("sealed class Apple", "class Apple")]
    [InlineData("where T : class", "where T : new()")]
    [InlineData(" : System.IDisposable", "")]
    public async Task A_changed_declaration_is_one_less_and_one_more(string before, string after) =>
        Assert.Equal(["API001", "API002"],
            (await DifferencesAsync(Source.Replace(before, after, StringComparison.Ordinal), Surface)).Select(difference => difference.Id).Order());

    [Theory]
    [InlineData("internal void Rot", "private protected void Rot")]
    [InlineData("internal sealed class Worm", "sealed class Maggot")]
    [InlineData("private void Mend", "internal void Mend")]
    [InlineData("Seeds { get; }", "Seeds { get; private set; }")]
    public async Task What_others_do_not_see_may_change(string before, string after) =>
        Assert.Empty(await DifferencesAsync(Source.Replace(before, after, StringComparison.Ordinal), Surface));

    [Fact]
    public async Task Of_a_type_that_is_new_or_gone_one_line_is_reported()
    {
        Assert.Equal("API001", Assert.Single(await DifferencesAsync(Source + "public class Pear { public void Fall() { } }", Surface)).Id);
        Assert.Equal("API002", Assert.Single(await DifferencesAsync(Source, Surface + "class Fruit.Pear\n    void Fall()\n")).Id);
    }

    [Fact]
    public async Task Accepting_writes_the_file()
    {
        Assert.Empty(await DifferencesAsync(Source, "", ("build_property.AcceptPublicApi", "true")));
        Assert.Equal(Surface, await File.ReadAllTextAsync(BaselinePath));
    }

    public void Dispose() => _folder.Dispose();

    private string BaselinePath => Path.Combine(_folder.Path, "PublicApi.txt");

    private async Task<ImmutableArray<Diagnostic>> DifferencesAsync(string source, string baseline, params (string, string)[] options)
    {
        var compilation = CSharpCompilation.Create("Fruit", [CSharpSyntaxTree.ParseText(source)],
            [MetadataReference.CreateFromFile(typeof(object).Assembly.Location)],
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, nullableContextOptions: NullableContextOptions.Enable));
        Assert.DoesNotContain(compilation.GetDiagnostics(), diagnostic => diagnostic.Severity == DiagnosticSeverity.Error);
        var settings = new AnalyzerOptions([new Baseline(BaselinePath, baseline)], new Options(options));
        return await compilation.WithAnalyzers([new PublicApiAnalyzer()], settings).GetAnalyzerDiagnosticsAsync();
    }

    private sealed class Baseline(string path, string text) : AdditionalText
    {
        public override string Path => path;

        public override SourceText GetText(CancellationToken cancellationToken = default) => SourceText.From(text);
    }

    private sealed class Options((string, string)[] options) : AnalyzerConfigOptionsProvider
    {
        public override AnalyzerConfigOptions GlobalOptions { get; } = new Values(options.ToDictionary());

        public override AnalyzerConfigOptions GetOptions(SyntaxTree tree) => GlobalOptions;

        public override AnalyzerConfigOptions GetOptions(AdditionalText textFile) => GlobalOptions;

        private sealed class Values(Dictionary<string, string> values) : AnalyzerConfigOptions
        {
            public override bool TryGetValue(string key, [NotNullWhen(true)] out string? value) => values.TryGetValue(key, out value);
        }
    }
}
