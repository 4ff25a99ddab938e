using Dalle.ML.Tests.PublicApi;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Tokenizers;

namespace Standins.Tests;

public class PublicSurfaceTests
{
    /// <summary>The stand-ins show what the listing of ML.NET's API has and nothing else, or code would compile here and nowhere else.</summary>
    [Fact]
    public void The_stand_ins_show_what_is_written_down()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real packages have a larger surface.");
        PublicApiBaseline.AssertMatches("tests/Standins.Tests/PublicSurface.txt", new[] { typeof(MLContext), typeof(MLImage), typeof(Tokenizer) }
            .SelectMany(type => PublicSurface.Of(type.Assembly).Prepend($"# {type.Assembly.GetName().Name}")));
    }
}
