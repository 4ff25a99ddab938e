using Dalle.ML.Prompts;

namespace Dalle.ML.Training.Data;

/// <summary>
/// Finds a user's images and their captions. A folder has, for an image, a text file of the same name with a caption a line, as DALLE-pytorch
/// reads it; or a <c>metadata</c> list, as Hugging Face does. A list names images and captions.
/// </summary>
internal static class CaptionedImages
{
    // Far more than the captions of an image: a text of this size is something else.
    private const int LongestText = 1 << 20;

    private static readonly string[] ImageExtensions = [".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"];

    private static readonly EnumerationOptions Everything = new() { RecurseSubdirectories = true, IgnoreInaccessible = false };

    /// <summary>Finds images and captions; decodes nothing.</summary>
    /// <param name="path">A folder, or a list in a .csv, .tsv or .jsonl file.</param>
    /// <param name="imageFolder">The folder that the paths of a list start from; that of the list if null.</param>
    /// <param name="columns">The columns of a list.</param>
    /// <param name="note">Is told what is left out.</param>
    /// <exception cref="IOException">There is no such file or folder, or it cannot be read.</exception>
    /// <exception cref="InvalidDataException">There are no images, or the list is wrong; the message names file, line and remedy.</exception>
    public static ImageFiles Find(string path, string? imageFolder, CaptionColumns columns, Action<string> note)
    {
        if (imageFolder is not null && !Directory.Exists(imageFolder))
            throw new DirectoryNotFoundException($"The folder of images '{imageFolder}' does not exist.");
        if (Directory.Exists(path))
        {
            var list = CaptionList.Extensions.Select(extension => Path.Combine(path, "metadata" + extension)).FirstOrDefault(File.Exists);
            return list is null ? OfFolder(path, note) : OfList(list, imageFolder ?? path, columns);
        }
        if (!File.Exists(path))
            throw new FileNotFoundException($"'{path}' does not exist. Name a folder of images, or a list of images and captions in a .csv, .tsv or .jsonl file.", path);
        return CaptionList.Extensions.Contains(Path.GetExtension(path).ToLowerInvariant())
            ? OfList(path, imageFolder ?? Path.GetDirectoryName(Path.GetFullPath(path))!, columns)
            : throw new InvalidDataException($"'{path}' is one file. Name a folder of images, or a list of images and captions in a .csv, .tsv or .jsonl file.");
    }

    private static ImageFiles OfFolder(string folder, Action<string> note)
    {
        string[] files = [.. Directory.EnumerateFiles(folder, "*", Everything).Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal)];
        string[] images = [.. files.Where(file => ImageExtensions.Contains(Path.GetExtension(file).ToLowerInvariant()))];
        if (images.Length == 0)
        {
            throw new InvalidDataException(
                $"The folder '{folder}' has no images ({string.Join(", ", ImageExtensions)}). Put a text file of the same name with its caption beside each image, or name a list.");
        }
        var texts = files.Where(file => Path.GetExtension(file).Equals(".txt", StringComparison.OrdinalIgnoreCase)).GroupBy(Stem)
            .ToDictionary(group => group.Key, group => group.First());
        var found = new ImageFiles(folder, [.. images.Select(image => (image, texts.TryGetValue(Stem(image), out var text) ? Captions(folder, text) : []))]);
        var stems = images.Select(Stem).ToHashSet();
        if (texts.Where(text => !stems.Contains(text.Key)).Select(text => text.Value).ToArray() is { Length: > 0 } lonely)
            note($"{Counted.Of(lonely.Length, "text file has", "text files have")} no image of the same name, such as '{lonely[0]}'.");
        return found;

        static string Stem(string file) => Path.ChangeExtension(file, null);
    }

    private static string[] Captions(string folder, string file)
    {
        var path = Path.Combine(folder, file);
        if (new FileInfo(path).Length > LongestText)
            throw new InvalidDataException($"'{path}' has more than {LongestText >> 10} KiB, which is no caption. Remove it, or write a caption a line.");
        try
        {
            using var stream = File.OpenRead(path);
            return [.. Utf8Lines.Read(stream, endsAtCR: true).Select(line => line.Text)];
        }
        catch (FormatException exception)
        {
            throw new InvalidDataException($"'{path}', {exception.Message}", exception);
        }
    }

    private static ImageFiles OfList(string file, string folder, CaptionColumns columns)
    {
        var root = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
        var images = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        var order = new List<string>();
        foreach (var (line, path, captions) in CaptionList.Read(file, columns))
        {
            var name = Inside(path, root) ?? throw new InvalidDataException(
                path.Length == 0 ? $"'{file}', line {line}: the path of the image is empty."
                    : $"'{file}', line {line}: '{path}' is not in the folder of the images, '{folder}'. Name a folder that contains all of them (--images).");
            if (!images.TryGetValue(name, out var all))
            {
                images.Add(name, all = []);
                order.Add(name);
            }
            all.AddRange(captions);
        }
        return order.Count > 0 ? new ImageFiles(root, [.. order.Select(name => (name, (IReadOnlyList<string>)images[name]))])
            : throw new InvalidDataException($"'{file}' lists no images.");
    }

    /// <summary>A path relative to the folder that it lies in; null if it does not.</summary>
    private static string? Inside(string path, string root)
    {
        if (path.Length == 0 || path.Contains('\0', StringComparison.Ordinal))
            return null;
        var relative = Path.GetRelativePath(root, Path.GetFullPath(path, root));
        return Path.IsPathRooted(relative) || relative is "." or ".." || relative.StartsWith(".." + Path.DirectorySeparatorChar, StringComparison.Ordinal) ? null : relative;
    }
}
