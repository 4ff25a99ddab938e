using Dalle.ML.Bundles;
using Dalle.ML.Export.Families;
using Dalle.ML.Text;

namespace Dalle.ML.Export;

/// <summary>Turns a checkpoint into a bundle of ONNX graphs that <see cref="DalleModel.Load"/> reads.</summary>
public static class BundleExporter
{
    /// <summary>The names of the model families that can be exported.</summary>
    public static IReadOnlyCollection<string> Families { get; } = [.. ModelFamily.All.Select(family => family.Name)];

    /// <summary>The published geometries of a family that <see cref="ExportRandom"/> knows.</summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <exception cref="ArgumentException">There is no such family.</exception>
    public static IReadOnlyCollection<string> SizesOf(string family) => Find(family).Sizes;

    /// <summary>The settings of a family for <see cref="ExportOptions.Settings"/>, with their descriptions.</summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <exception cref="ArgumentException">There is no such family.</exception>
    public static IReadOnlyDictionary<string, string> SettingsOf(string family) => Find(family).Settings;

    /// <summary>
    /// Exports a checkpoint. The same checkpoint gives the same bytes. The bundle is written to a temporary folder beside
    /// <paramref name="output"/> and takes its place only when it is complete.
    /// </summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <param name="sources">The checkpoint: its folder, or its files.</param>
    /// <param name="output">The bundle's folder. If it exists it must be empty or a bundle, which is replaced except for files that
    /// are not the bundle's own.</param>
    /// <param name="options">Precision, CLIP, and the descriptive fields of the manifest.</param>
    /// <returns>
    /// What the caller should know, a sentence each: what was assumed because nothing in the checkpoint tells it, and which of several models in a file
    /// was taken. Often none.
    /// </returns>
    /// <exception cref="ArgumentException">There is no such family or setting.</exception>
    /// <exception cref="InvalidDataException">The checkpoint is not one of the family.</exception>
    /// <exception cref="DalleBundleException">The bundle whose CLIP is to be copied is invalid.</exception>
    /// <exception cref="IOException">A file cannot be read or written, or <paramref name="output"/> holds something else.</exception>
    public static IReadOnlyList<string> Export(string family, IReadOnlyList<string> sources, string output, ExportOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(sources);
        ArgumentOutOfRangeException.ThrowIfZero(sources.Count, nameof(sources));
        if (sources.FirstOrDefault(source => !Path.Exists(source)) is { } missing)
            throw new FileNotFoundException($"The checkpoint '{missing}' does not exist.", missing);
        return Write(Find(family), sources, size: null, output, options ?? new());
    }

    /// <summary>
    /// Exports random weights in a published geometry: the graphs have the size and the speed of the real ones, the pictures are noise.
    /// Everything else is as in <see cref="Export"/>.
    /// </summary>
    /// <param name="family">One of <see cref="Families"/>.</param>
    /// <param name="size">One of <see cref="SizesOf"/>.</param>
    /// <param name="output">The bundle's folder.</param>
    /// <param name="options">Precision, CLIP, and the descriptive fields of the manifest.</param>
    /// <exception cref="ArgumentException">There is no such family, size or setting.</exception>
    /// <exception cref="IOException">A file cannot be written, or <paramref name="output"/> holds something else.</exception>
    public static void ExportRandom(string family, string size, string output, ExportOptions? options = null)
    {
        var found = Find(family);
        if (!found.Sizes.Contains(size))
            throw new ArgumentException($"The family '{family}' has no size '{size}'. Sizes: {string.Join(", ", found.Sizes)}.", nameof(size));
        _ = Write(found, [], size, output, options ?? new());
    }

    private static IReadOnlyList<string> Write(ModelFamily family, IReadOnlyList<string> sources, string? size, string output, ExportOptions options)
    {
        ArgumentNullException.ThrowIfNull(output);
        if (options.Settings.Keys.FirstOrDefault(name => !family.Settings.ContainsKey(name)) is { } unknown)
            throw new ArgumentException($"The family '{family.Name}' has no setting '{unknown}'. Settings: {string.Join(", ", family.Settings.Keys)}.", nameof(options));
        if (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any() && !File.Exists(Path.Combine(output, Bundle.ManifestName)))
            throw new IOException($"'{output}' is not empty and not a bundle. Choose another output folder.");

        var draft = $"{Bundle.FullPath(output)}.{Guid.NewGuid():N}.partial";
        Directory.CreateDirectory(draft);
        try
        {
            var writer = new BundleWriter(draft);
            using var source = new ExportSource(sources, size, options);
            var manifest = family.Export(source, writer);
            // A tokenizer that cannot be read must not wait for the first prompt to say so.
            foreach (var text in new[] { manifest.Text, manifest.Clip?.Text }.OfType<TextFormat>())
                _ = new PromptTokenizer(draft, text);
            writer.Finish(manifest with
            {
                Name = options.Name ?? manifest.Name,
                Description = options.Description ?? manifest.Description,
                License = options.License ?? manifest.License,
                Provenance = options.Provenance ?? manifest.Provenance,
                Clip = options.Clip is null ? manifest.Clip : writer.CopyClip(options.Clip),
                Upscaler = options.Upscaler is null ? manifest.Upscaler : writer.CopyUpscaler(options.Upscaler),
            });
            Replace(draft, output);
            return source.Notes;
        }
        catch (DalleBundleException exception) when (exception.Message.Contains(draft, StringComparison.Ordinal))
        {
            throw new InvalidDataException(exception.Message.Replace(draft, output, StringComparison.Ordinal), exception);
        }
        catch (OverflowException exception)
        {
            throw new InvalidDataException($"A size in the checkpoint is too large for a model of the family '{family.Name}'.", exception);
        }
        finally
        {
            if (Directory.Exists(draft))
                Directory.Delete(draft, recursive: true);
        }
    }

    private static ModelFamily Find(string family) => ModelFamily.All.FirstOrDefault(known => known.Name == family)
        ?? throw new ArgumentException($"'{family}' is not a model family. Families: {string.Join(", ", Families)}.", nameof(family));

    private static void Replace(string draft, string output)
    {
        Directory.CreateDirectory(output);
        var manifest = Path.Combine(output, Bundle.ManifestName);
        File.Delete(manifest);
        foreach (var file in Directory.EnumerateFiles(draft, "*", SearchOption.AllDirectories).Where(file => Path.GetFileName(file) != Bundle.ManifestName))
        {
            var target = Path.Combine(output, Path.GetRelativePath(draft, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Move(file, target, overwrite: true);
        }
        File.Move(Path.Combine(draft, Bundle.ManifestName), manifest);
    }
}
