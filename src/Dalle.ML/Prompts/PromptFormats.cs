namespace Dalle.ML.Prompts;

/// <summary>The names of <see cref="PromptFormat"/>.</summary>
internal static class PromptFormats
{
    public static string[] Names { get; } = [.. Enum.GetNames<PromptFormat>().Select(name => name.ToLowerInvariant())];

    /// <summary>The format of a path's extension; null if it is unknown.</summary>
    public static PromptFormat? Of(string path) => Enum.GetValues<PromptFormat>()
        .Cast<PromptFormat?>()
        .FirstOrDefault(format => Path.GetExtension(path).Equals("." + format, StringComparison.OrdinalIgnoreCase));
}
