using Dalle.ML.Export;

namespace Dalle.ML.Tests;

/// <summary>A model of DALL·E 2 with random weights, Karlo's networks and steps in small. It is exported once a process.</summary>
public static class TinyUnclip
{
    private static readonly Lazy<string> Exported = new(Export);

    /// <summary>The bundle's folder, which is gone after the tests.</summary>
    public static string Path => Exported.Value;

    private static string Export()
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var bundle = System.IO.Path.Combine(folder.Path, "tiny-unclip");
        BundleExporter.ExportRandom("karlo", "tiny", bundle);
        return bundle;
    }
}
