using Dalle.ML.Hub.HuggingFace;

namespace Dalle.ML.Hub.Download;

/// <summary>A file to fetch, with all that was learnt about it before its download: the same however often that is interrupted.</summary>
internal sealed record PlannedFile
{
    /// <summary>Its name in the checkpoint.</summary>
    public required string Path { get; init; }

    /// <summary>Where it is, with the commit where that is on the hub.</summary>
    public required string Source { get; init; }

    /// <summary>Its exact size.</summary>
    public required long Size { get; init; }

    public string? Sha256 { get; init; }

    public string? Md5 { get; init; }

    /// <summary>SHA-1 of the file as a blob of Git.</summary>
    public string? GitBlob { get; init; }

    /// <summary>The server's tag of a plain download, by which it tells whether the file is still the same.</summary>
    public string? ETag { get; init; }

    public bool IsArchive { get; init; }

    /// <summary>Whether its content can be told from any other.</summary>
    public bool IsHashed => Sha256 is not null || GitBlob is not null || Md5 is not null;

    /// <summary>Name of its host, for people.</summary>
    public string Host => HubFile.TryParse(Source) is { } file ? file.Repository : new Uri(Source).Host;
}
