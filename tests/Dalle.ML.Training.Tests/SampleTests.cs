using Dalle.ML.Samples;
using Dalle.ML.Tests;

namespace Dalle.ML.Training.Tests;

/// <summary>The sample that the documentation of the trainers shows prints what it says.</summary>
[CollectionDefinition(nameof(SampleTests), DisableParallelization = true)]
[Collection(nameof(SampleTests))]
public sealed class SampleTests
{
    [Fact]
    public void The_sample_prints_its_last_lines()
    {
        TorchSupport.Require();
        var source = File.ReadLines(Path.Combine(Repository.Root, "samples", "TrainDalleSample.cs"));
        var expected = source.SkipWhile(line => !line.Contains("// Output:", StringComparison.Ordinal)).Skip(1)
            .TakeWhile(line => line.Contains("//", StringComparison.Ordinal)).Select(line => line.Split("//")[1].Trim());
        var (console, output) = (Console.Out, new StringWriter());
        Console.SetOut(output);
        try
        {
            TrainDalleSample.Example();
        }
        finally
        {
            Console.SetOut(console);
        }
        Assert.Equal(expected, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }
}
