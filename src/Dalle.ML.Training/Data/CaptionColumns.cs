namespace Dalle.ML.Training.Data;

/// <summary>Names of the columns of a list of images, or of the keys of its JSON objects; null where usual ones are looked for.</summary>
internal sealed record CaptionColumns(string? Image = null, string? Caption = null)
{
    // The first that a list has is taken: ours, then those of "dalle batch" and of Hugging Face's image folders.
    private static readonly string[] UsualImages = ["path", "file", "file_name", "filename", "image", "image_path", "filepath"];
    private static readonly string[] UsualCaptions = ["caption", "text", "prompt", "title", "description"];

    /// <summary>The image column among those that there are.</summary>
    /// <exception cref="FormatException">There is none.</exception>
    public string ImageOf(IReadOnlyCollection<string> columns) => Find(columns, Image, UsualImages)
        ?? throw new FormatException($"there is no column '{Image ?? UsualImages[0]}' with the paths of images; there are: {Listed(columns)}. "
            + "Rename the column to 'path', or name it with --image-column (ImageColumn).");

    /// <summary>The caption column among those that there are; null if there is none and none was asked for.</summary>
    /// <exception cref="FormatException">The one that was asked for is missing.</exception>
    public string? CaptionOf(IReadOnlyCollection<string> columns) => Find(columns, Caption, UsualCaptions)
        ?? (Caption is null ? null : throw new FormatException($"there is no column '{Caption}'; there are: {Listed(columns)}."));

    private static string? Find(IReadOnlyCollection<string> columns, string? named, string[] usual) =>
        named is not null ? columns.FirstOrDefault(column => column.Equals(named, StringComparison.OrdinalIgnoreCase))
            : usual.Select(name => columns.FirstOrDefault(column => column.Equals(name, StringComparison.OrdinalIgnoreCase))).FirstOrDefault(column => column is not null);

    private static string Listed(IEnumerable<string> columns) => string.Join(", ", columns.Select(column => $"'{column}'"));
}
