using Dalle.ML.Export;

namespace Dalle.ML.Tests;

/// <summary>A network that judges images, with random weights: 32 features and 10 classes. It is exported once a process.</summary>
public static class TinyFeatures
{
    private static readonly Lazy<string> Exported = new(Export);

    /// <summary>The bundle's folder, which is gone after the tests.</summary>
    public static string Path => Exported.Value;

    private static string Export()
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var bundle = System.IO.Path.Combine(folder.Path, "tiny-features");
        BundleExporter.ExportRandom("dalle-classifier", "tiny", bundle);
        return bundle;
    }
}
