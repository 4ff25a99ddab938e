using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Tokenizers;

namespace Standins.Tests;

public class PublicSurfaceTests
{
    /// <summary>
    /// The stand-ins show what the listing of ML.NET's API has and nothing else, or code would compile here and nowhere else. After a
    /// change that is meant, take over the file that the failure names.
    /// </summary>
    [Fact]
    public void The_stand_ins_show_what_is_written_down()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real packages have a larger surface.");
        string[] actual = [.. new[] { typeof(MLContext), typeof(MLImage), typeof(Tokenizer) }
            .SelectMany(type => PublicSurface.Of(type.Assembly).Prepend($"# {type.Assembly.GetName().Name}"))];

        var expected = File.ReadAllLines(Path.Combine(AppContext.BaseDirectory, "PublicSurface.txt"));

        if (actual.SequenceEqual(expected))
            return;
        var proposal = Path.Combine(AppContext.BaseDirectory, "PublicSurface.actual.txt");
        File.WriteAllLines(proposal, actual);
        Assert.Fail($"More: {Lines(actual.Except(expected))}\nLess: {Lines(expected.Except(actual))}\nAll of it: {proposal}");
    }

    private static string Lines(IEnumerable<string> lines) => string.Join("\n  ", lines);
}
