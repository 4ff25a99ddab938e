namespace Dalle.ML.Hub;

/// <summary>A published model that <see cref="DalleHub"/> can pull.</summary>
public sealed record HubModel
{
    /// <summary>The name, by which a pulled model is also loaded.</summary>
    public required string Name { get; init; }

    /// <summary>Describes what it generates.</summary>
    public required string Description { get; init; }

    /// <summary>The family of <see cref="Export.BundleExporter.Families"/> that exports it.</summary>
    public required string Family { get; init; }

    /// <summary>Licence of the weights, as an SPDX expression where there is one.</summary>
    public required string License { get; init; }

    /// <summary>The licence's text.</summary>
    public string? LicenseUrl { get; init; }

    /// <summary>Whether the licence restricts use, so that it must be accepted before a download.</summary>
    public bool RequiresAcceptance { get; init; }

    /// <summary>Size of the download in bytes, approximately.</summary>
    public long DownloadSize { get; init; }

    /// <summary>Known limitations of the source, such as a link that may be dead; null if there are none.</summary>
    public string? Note { get; init; }

    /// <summary>Folder of the bundle on this machine; null if it was not pulled.</summary>
    public string? Path { get; init; }
}
