using Dalle.ML.Export;

namespace Dalle.ML.Tests;

/// <summary>A DALL·E 2 model with random weights, of Karlo's networks: prior, decoder of 16 × 16 pixels, super-resolution to 64 × 64. It is exported once a process.</summary>
public static class TinyUnclip
{
    private static readonly Lazy<string> Exported = new(Export);

    // It shares its sessions with the models of the tests, so that they are created once.
    private static readonly Lazy<DalleModel> Kept = new(() => DalleModel.Load(Exported.Value));

    /// <summary>The bundle's folder, which is gone after the tests.</summary>
    public static string Path => Kept.Value.Info.Path;

    /// <summary>As few steps as say something, so that it takes next to no time.</summary>
    public static GenerationOptions Quick { get; } = new() { Diffusion = new() { PriorSteps = 2, DecoderSteps = 2, UpsamplerSteps = 2 } };

    /// <summary>The same for what does not run the prior, and refuses its options.</summary>
    public static GenerationOptions QuickDecoder { get; } = Quick with { Diffusion = Quick.Diffusion with { PriorSteps = null } };

    /// <summary>The same for what runs the prior alone.</summary>
    public static GenerationOptions QuickPrior { get; } = new() { Diffusion = new() { PriorSteps = 2 } };

    public static DalleModel Load() => DalleModel.Load(Path);

    private static string Export()
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var bundle = System.IO.Path.Combine(folder.Path, "tiny-unclip");
        BundleExporter.ExportRandom("karlo", "tiny", bundle);
        return bundle;
    }
}
