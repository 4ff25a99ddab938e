using System.Reflection;

namespace Standins.Tests.Images;

/// <summary>Which of the two feeds the tests run on: the real package reads images through SkiaSharp, the stand-in has no such dependency.</summary>
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
