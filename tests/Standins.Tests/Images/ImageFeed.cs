using System.Reflection;

namespace Standins.Tests.Images;

/// <summary>Which of the two feeds the tests run on: only the real package brings SkiaSharp along.</summary>
internal static class ImageFeed
{
    public static bool IsStandin { get; } = !CanLoad("SkiaSharp");

    private static bool CanLoad(string assembly)
    {
        try
        {
            return Assembly.Load(assembly) is not null;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
    }
}
