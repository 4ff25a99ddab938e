using Dalle.ML.Prompts;
using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Cli;

/// <summary>The prompts of a batch. All mistakes are found here, before anything is generated.</summary>
internal static class BatchPrompts
{
    /// <summary>The format of a path's extension; null if it is unknown.</summary>
    public static PromptFormat? FormatOf(string path) => path == InputFile.StandardInput ? PromptFormat.Txt : PromptFormats.Of(path);

    /// <summary>Reads a file of prompts and checks that each id can name a file.</summary>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    public static IReadOnlyList<NumberedPrompt> Read(PromptFile file)
    {
        NumberedPrompt[] prompts = [.. file.Read()];
        var names = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        foreach (var prompt in prompts)
        {
            if (FileNames.Objection(prompt.Id) is { } objection)
                throw file.Mistake($"line {prompt.Line}: the id '{FileNames.Fit(prompt.Id)}' {objection}. Choose another.");
            if (!names.TryAdd(CanonicalForm.Compose(prompt.Id), prompt.Line))
                throw file.Mistake($"line {prompt.Line}: the id '{prompt.Id}' differs from that of line {names[CanonicalForm.Compose(prompt.Id)]} in its Unicode normal form only, and is the same file name on some systems. Choose another.");
        }
        return prompts;
    }
}
