using System.Reflection;
using Dalle.ML.Samples;

namespace Dalle.ML.Tests;

/// <summary>What the documentation shows does what it says. The console is one for all tests, so that these have it alone.</summary>
[CollectionDefinition(nameof(Console), DisableParallelization = true)]
[Collection(nameof(Console))]
public sealed class SampleTests
{
    public static IEnumerable<TheoryDataRow<string>> Samples => typeof(DalleGenerateSample).Assembly.GetExportedTypes().Select(type => new TheoryDataRow<string>(type.Name));

    [Theory]
    [MemberData(nameof(Samples))]
    public void It_prints_what_its_last_lines_say(string sample)
    {
        var source = File.ReadLines(Path.Combine(AppContext.BaseDirectory, "samples", sample + ".cs"));
        var expected = source.Select(line => line.Trim()).SkipWhile(line => line != "// Output:").Skip(1).TakeWhile(line => line.StartsWith("//", StringComparison.Ordinal));
        var console = Console.Out;
        using var output = new StringWriter();
        Console.SetOut(output);
        try
        {
            var example = typeof(DalleGenerateSample).Assembly.GetType($"Dalle.ML.Samples.{sample}")!.GetMethod("Example")!;
            example.Invoke(null, BindingFlags.DoNotWrapExceptions, null, null, null);
        }
        finally
        {
            Console.SetOut(console);
        }
        Assert.Equal(expected.Select(line => line[2..].Trim()), output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }

    [Fact]
    public void Every_component_has_a_sample()
    {
        var components = typeof(Microsoft.ML.DalleCatalog).GetMethods(BindingFlags.Public | BindingFlags.Static | BindingFlags.DeclaredOnly).Select(method => method.Name + "Sample").Distinct();
        Assert.Equal(components.Order(), typeof(DalleGenerateSample).Assembly.GetExportedTypes().Select(type => type.Name).Order());
    }
}
