namespace Dalle.ML.Export;

/// <summary>What an export may be told beyond its checkpoint.</summary>
public sealed record ExportOptions
{
    /// <summary>How the transformer computes.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;

    /// <summary>Folder of a bundle with a CLIP, which becomes the ranker of this one; none if null.</summary>
    public string? Clip { get; init; }

    /// <summary>What weights do not tell and a family lets be chosen, by name; see <see cref="BundleExporter.SettingsOf"/>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>A short name; the checkpoint's own if null.</summary>
    public string? Name { get; init; }

    /// <summary>What the model draws, in a sentence.</summary>
    public string? Description { get; init; }

    /// <summary>The licence of the weights, as an SPDX expression where there is one.</summary>
    public string? License { get; init; }

    /// <summary>Where the weights come from.</summary>
    public string? Provenance { get; init; }
}
