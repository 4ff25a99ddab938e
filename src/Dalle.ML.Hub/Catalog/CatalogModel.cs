using System.Security.Cryptography;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export;

namespace Dalle.ML.Hub.Catalog;

/// <summary>A published model: where its checkpoint is, and how it is exported.</summary>
internal sealed record CatalogModel
{
    public required string Name { get; init; }

    public required string Description { get; init; }

    public required string Family { get; init; }

    public Precision Precision { get; init; }

    public required string License { get; init; }

    public string? LicenseUrl { get; init; }

    public bool RequiresAcceptance { get; init; }

    /// <summary>Settings of the export that the weights do not tell.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    public string? Note { get; init; }

    public required IReadOnlyList<CatalogFile> Files { get; init; }

    public long DownloadSize => Files.Sum(file => file.Size ?? file.ApproximateSize);

    /// <summary>Changes when anything in the record does.</summary>
    public string Fingerprint => Convert.ToHexStringLower(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(this, ModelCatalog.Json)));

    /// <summary>Returns the fault of the record; null if there is none.</summary>
    public string? FindFault() =>
        !ModelFolders.IsName(Name) || Name[0] == '.' ? $"'{Name}' cannot be the name of a folder"
        : !BundleExporter.Families.Contains(Family) ? $"'{Name}' is of the unknown family '{Family}'; families: {string.Join(", ", BundleExporter.Families)}"
        : Settings.Keys.FirstOrDefault(setting => !BundleExporter.SettingsOf(Family).ContainsKey(setting)) is { } unknown
            ? $"'{Name}' has the setting '{unknown}', which the family '{Family}' does not have"
        : Files.Count == 0 ? $"'{Name}' has no files"
        : Files.GroupBy(file => file.Path, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { } twice
            ? $"'{Name}' has the file '{twice.Key}' twice"
        : Files.Select(file => file.FindFault()).FirstOrDefault(fault => fault is not null) is { } fault ? $"of '{Name}', {fault}"
        : null;
}
