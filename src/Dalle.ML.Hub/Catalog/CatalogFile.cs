using Dalle.ML.Bundles;
using Dalle.ML.Hub.HuggingFace;

namespace Dalle.ML.Hub.Catalog;

/// <summary>A file of a published checkpoint.</summary>
internal sealed record CatalogFile
{
    /// <summary>More than any checkpoint has.</summary>
    public const long MaxBytes = 1L << 40;

    /// <summary>Its name in the checkpoint, which is one that the family knows; for an archive that of the archive.</summary>
    public required string Path { get; init; }

    /// <summary>Where it is, the preferred place first: <c>hf://owner/repository@revision/path</c> or a URL.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>Its exact size in bytes; null where it is not known.</summary>
    public long? Size { get; init; }

    /// <summary>Its size as published, rounded, for people; for an archive what it takes when it is unpacked is as large.</summary>
    public long ApproximateSize { get; init; }

    public string? Sha256 { get; init; }

    /// <summary>The weaker hash that some publishers give.</summary>
    public string? Md5 { get; init; }

    /// <summary>Whether it is a .tar.gz whose content is the checkpoint.</summary>
    public bool IsArchive { get; init; }

    /// <summary>Returns the fault of the record; null if there is none.</summary>
    public string? FindFault() =>
        !Bundle.IsSafeName(Path) ? $"'{Path}' is not a relative path inside the checkpoint"
        : Sources.Count == 0 ? $"'{Path}' has no source"
        : Size is <= 0 or > MaxBytes || ApproximateSize is < 0 or > MaxBytes ? $"'{Path}' has an impossible size"
        : !IsHash(Sha256, 64) ? $"'{Path}' has a SHA-256 that is not 64 hexadecimal digits"
        : !IsHash(Md5, 32) ? $"'{Path}' has an MD5 that is not 32 hexadecimal digits"
        : Sources.FirstOrDefault(source => !IsSource(source)) is { } wrong
            ? $"'{Path}' has the source '{wrong}'; give hf://owner/repository@revision/path, an https:// URL, or an http:// URL with the file's SHA-256"
        : null;

    private static bool IsHash(string? text, int digits) => text is null || (text.Length == digits && text.All(char.IsAsciiHexDigitLower));

    private bool IsSource(string source) =>
        HubFile.TryParse(source) is not null
        || (Uri.TryCreate(source, UriKind.Absolute, out var url) && (url.Scheme == Uri.UriSchemeHttps || (url.Scheme == Uri.UriSchemeHttp && Sha256 is not null)));
}
