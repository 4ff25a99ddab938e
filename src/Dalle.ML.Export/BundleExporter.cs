using Dalle.ML.Export.Families;
using Dalle.ML.Models;

namespace Dalle.ML.Export;

/// <summary>Turns a checkpoint into a bundle of ONNX graphs that <see cref="DalleModel.Load"/> reads.</summary>
public static class BundleExporter
{
    private static readonly Dictionary<string, Func<string, BundleWriter, Manifest>> Exporters = new()
    {
        ["dalle"] = DalleFamily.Export,
    };

    /// <summary>The names of the model families that can be exported.</summary>
    public static IReadOnlyCollection<string> Families => Exporters.Keys;

    /// <summary>
    /// Exports a checkpoint. The same checkpoint gives the same bytes. The bundle is written to a temporary folder beside
    /// <paramref name="output"/> and takes its place only when it is complete.
    /// </summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <param name="source">The checkpoint's folder.</param>
    /// <param name="output">The bundle's folder. If it exists it must be empty or a bundle, which is replaced but for files that
    /// are not the bundle's own.</param>
    /// <param name="details">Name, description, licence and provenance for the manifest.</param>
    /// <exception cref="ArgumentException">There is no such family.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is not one of the family.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or <paramref name="output"/> holds something else.</exception>
    public static void Export(string family, string source, string output, BundleDetails? details = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(output);
        if (!Exporters.TryGetValue(family, out var exporter))
            throw new ArgumentException($"There is no model family '{family}'. Families: {string.Join(", ", Families)}.", nameof(family));
        if (!Directory.Exists(source))
            throw new DirectoryNotFoundException($"The checkpoint's folder '{source}' does not exist.");
        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any() && !File.Exists(Path.Combine(output, Bundle.ManifestName)))
            throw new IOException($"'{output}' is not empty and not a bundle. Choose another output folder.");

        var draft = $"{Bundle.FullPath(output)}.{Guid.NewGuid():N}.partial";
        Directory.CreateDirectory(draft);
        try
        {
            var writer = new BundleWriter(draft);
            var manifest = exporter(source, writer);
            writer.Finish(manifest with
            {
                Name = details?.Name ?? manifest.Name,
                Description = details?.Description ?? manifest.Description,
                License = details?.License ?? manifest.License,
                Provenance = details?.Provenance ?? manifest.Provenance,
            });
            Replace(draft, output);
        }
        finally
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
        }
    }

    private static void Replace(string draft, string output)
    {
        Directory.CreateDirectory(output);
        var manifest = Path.Combine(output, Bundle.ManifestName);
        File.Delete(manifest);
        foreach (var file in Directory.EnumerateFiles(draft).Where(file => Path.GetFileName(file) != Bundle.ManifestName))
            File.Move(file, Path.Combine(output, Path.GetFileName(file)), overwrite: true);
        File.Move(Path.Combine(draft, Bundle.ManifestName), manifest);
    }
}

/// <summary>What a bundle's manifest says of it to people.</summary>
public sealed record BundleDetails
{
    /// <summary>A short name; the checkpoint's own if null.</summary>
    public string? Name { get; init; }

    /// <summary>What the model draws, in a sentence.</summary>
    public string? Description { get; init; }

    /// <summary>The licence of the weights, as an SPDX expression where there is one.</summary>
    public string? License { get; init; }

    /// <summary>Where the weights come from.</summary>
    public string? Provenance { get; init; }
}
