using Dalle.ML.Prompts;

namespace Dalle.ML.Cli.Batch;

/// <summary>The prompts of a batch: a file of them, or standard input. All mistakes are found here, before anything is drawn.</summary>
internal static class BatchPrompts
{
    private const string StandardInput = "-";

    /// <summary>The format that a path's ending names; null if none.</summary>
    public static PromptFormat? FormatOf(string path) => path == StandardInput ? PromptFormat.Txt : PromptFormats.Of(path);

    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static IReadOnlyList<NumberedPrompt> Read(string path, PromptFormat format)
    {
        // At once: what comes from a pipe can be read once only.
        var bytes = ReadBytes(path);
        var file = new PromptFile(path == StandardInput ? "standard input" : path, format, () => new MemoryStream(bytes));
        NumberedPrompt[] prompts = [.. file.Read()];
        foreach (var prompt in prompts)
        {
            if (FileNames.Objection(prompt.Id) is { } objection)
                throw file.Mistake($"line {prompt.Line}: the id '{prompt.Id}' {objection}. Choose another.");
        }
        return prompts;
    }

    private static byte[] ReadBytes(string path)
    {
        using var input = path == StandardInput ? Console.OpenStandardInput() : PromptFile.Open(path);
        using var bytes = new MemoryStream();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }
}
