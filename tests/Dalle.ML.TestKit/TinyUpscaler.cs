using Dalle.ML.Export;

namespace Dalle.ML.Tests;

/// <summary>An upscaler with random weights, four times in width and height. It is exported once a process.</summary>
public static class TinyUpscaler
{
    private static readonly Lazy<string> Exported = new(Export);

    /// <summary>The bundle's folder, which is gone after the tests.</summary>
    public static string Path => Exported.Value;

    private static string Export()
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var bundle = System.IO.Path.Combine(folder.Path, "tiny-x4");
        BundleExporter.ExportRandom("real-esrgan", "tiny", bundle, new ExportOptions { Settings = new Dictionary<string, string> { ["tile"] = "48", ["overlap"] = "8" } });
        return bundle;
    }
}
