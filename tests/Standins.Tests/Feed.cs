using Microsoft.ML;

namespace Standins.Tests;

/// <summary>Which of the two feeds the tests run on: the real package splits its assemblies otherwise.</summary>
internal static class Feed
{
    public static bool IsStandin { get; } = typeof(DataViewSchema).Assembly.GetName().Name == "Microsoft.ML";
}
