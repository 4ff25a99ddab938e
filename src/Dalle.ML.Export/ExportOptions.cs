namespace Dalle.ML.Export;

/// <summary>Options of an export.</summary>
public sealed record ExportOptions
{
    /// <summary>How the transformer computes.</summary>
    public Precision Precision { get; init; } = Precision.Fp32;

    /// <summary>Folder or name of a bundle whose CLIP is copied into this one; none if null.</summary>
    public string? Clip { get; init; }

    /// <summary>Folder or name of a bundle whose upscaler is copied into this one; none if null.</summary>
    public string? Upscaler { get; init; }

    /// <summary>Settings that the weights do not determine, by name; see <see cref="BundleExporter.SettingsOf"/>.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>A short name; the default of the family if null.</summary>
    public string? Name { get; init; }

    /// <summary>Describes in a sentence what the model generates.</summary>
    public string? Description { get; init; }

    /// <summary>The licence of the weights, as an SPDX expression where there is one.</summary>
    public string? License { get; init; }

    /// <summary>Where the weights come from.</summary>
    public string? Provenance { get; init; }
}
