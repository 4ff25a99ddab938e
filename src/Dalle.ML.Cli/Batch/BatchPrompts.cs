using Dalle.ML.Prompts;

namespace Dalle.ML.Cli.Batch;

/// <summary>The prompts of a batch: a file of them, or standard input. All mistakes are found here, before anything is drawn.</summary>
internal static class BatchPrompts
{
    /// <summary>The format that a path's ending names; null if none.</summary>
    public static PromptFormat? FormatOf(string path) => path == InputFile.StandardInput ? PromptFormat.Txt : PromptFormats.Of(path);

    /// <param name="path">The file, '-' for standard input.</param>
    /// <param name="format">How it is laid out.</param>
    /// <param name="cancellationToken">Stops the wait for input.</param>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<NumberedPrompt> Read(string path, PromptFormat format, CancellationToken cancellationToken = default)
    {
        var file = PromptInput.ReadFile(path, format, cancellationToken);
        NumberedPrompt[] prompts = [.. file.Read()];
        foreach (var prompt in prompts)
        {
            if (FileNames.Objection(prompt.Id) is { } objection)
                throw file.Mistake($"line {prompt.Line}: the id '{prompt.Id}' {objection}. Choose another.");
        }
        return prompts;
    }
}
