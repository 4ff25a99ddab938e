namespace Dalle.ML.Hub;

/// <summary>A published model that <see cref="DalleHub"/> can pull, or a bundle of your own in the folders of models.</summary>
public sealed record HubModel
{
    /// <summary>The name, by which a model on this machine is also loaded.</summary>
    public required string Name { get; init; }

    /// <summary>Whether the catalogue has it, so that it can be pulled.</summary>
    public bool IsPublished { get; init; }

    /// <summary>Describes what it generates.</summary>
    public required string Description { get; init; }

    /// <summary>The family of <see cref="Export.BundleExporter.Families"/> that it is of.</summary>
    public required string Family { get; init; }

    /// <summary>Licence of the weights, as an SPDX expression where there is one; null where a bundle does not state it.</summary>
    public required string? License { get; init; }

    /// <summary>The licence's text.</summary>
    public string? LicenseUrl { get; init; }

    /// <summary>Whether the licence restricts use, so that it must be accepted before a download.</summary>
    public bool RequiresAcceptance { get; init; }

    /// <summary>Size of the download in bytes, approximately; 0 if there is none.</summary>
    public long DownloadSize { get; init; }

    /// <summary>Known limitations, such as a link that may be dead or a bundle that cannot be read; null if there are none.</summary>
    public string? Note { get; init; }

    /// <summary>Folder of the bundle on this machine; null if it is not there.</summary>
    public string? Path { get; init; }
}
