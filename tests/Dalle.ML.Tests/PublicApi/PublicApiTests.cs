using System.Reflection;

namespace Dalle.ML.Tests.PublicApi;

/// <summary>Part of the tests of each library: what it shows to others does not change unnoticed.</summary>
public sealed class PublicApiTests
{
    private const string Ending = ".Tests";

    [Fact]
    public void The_library_shows_what_is_written_down()
    {
        var library = typeof(PublicApiTests).Assembly.GetName().Name![..^Ending.Length];
        PublicApiBaseline.AssertMatches($"src/{library}/PublicApi.txt", PublicSurface.Of(Assembly.Load(library)));
    }
}
