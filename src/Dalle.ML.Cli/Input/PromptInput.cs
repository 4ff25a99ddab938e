using Dalle.ML.Images;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>Prompts from arguments, a file and standard input, in this order.</summary>
internal static class PromptInput
{
    /// <param name="console">Standard input and the folder of relative paths.</param>
    /// <param name="arguments">Prompts, '-' for those on standard input.</param>
    /// <param name="file">A file with one prompt per line, '-' for standard input, or null.</param>
    /// <param name="cancellationToken">Stops the wait for input.</param>
    /// <exception cref="UsageException">There is no prompt, or the file is a table of prompts.</exception>
    /// <exception cref="InvalidDataException">The file has no text.</exception>
    public static async Task<IReadOnlyList<string>> ReadAsync(ToolConsole console, string[] arguments, string? file, CancellationToken cancellationToken)
    {
        var prompts = new List<string>();
        if (arguments.Length == 0 && file is null && !console.IsInputTerminal)
            file = InputFile.StandardInput;
        foreach (var argument in arguments)
        {
            if (argument == InputFile.StandardInput)
                await AddStandardInputAsync();
            else
                prompts.Add(argument);
        }
        if (file == InputFile.StandardInput)
            await AddStandardInputAsync();
        else if (file is not null)
            prompts.AddRange(ReadLines(console, file, cancellationToken));
        return prompts.Count > 0
            ? prompts
            : throw new UsageException("there is no prompt. Give one, e.g. dalle generate \"a red apple\", or one per line on standard input or in the file of --prompts.");

        async Task AddStandardInputAsync()
        {
            using var input = new StreamReader(console.OpenInput());
            while (await input.ReadLineAsync(cancellationToken) is { } line)
            {
                if (line.Contains('\0', StringComparison.Ordinal))
                    throw new InvalidDataException("Standard input has NUL characters, as text in UTF-16 does. Write the prompts in UTF-8.");
                if (line.Trim() is { Length: > 0 } prompt)
                    prompts.Add(prompt);
            }
        }
    }

    /// <summary>Reads and checks a file of prompts. It is read at once, since a pipe can be read only once.</summary>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static PromptFile ReadFile(ToolConsole console, string path, PromptFormat format, CancellationToken cancellationToken)
    {
        var bytes = InputFile.Read(console, path, "file of prompts", cancellationToken).ToArray();
        if (UnreadableFile.IsPicture(bytes) && bytes.Contains((byte)0))
            throw new InvalidDataException($"'{path}' is a picture, not a file of prompts.");
        return new PromptFile(path == InputFile.StandardInput ? "standard input" : path, format, () => new MemoryStream(bytes));
    }

    private static IEnumerable<string> ReadLines(ToolConsole console, string path, CancellationToken cancellationToken) =>
        PromptFormats.Of(path) is null or PromptFormat.Txt
            ? ReadFile(console, path, PromptFormat.Txt, cancellationToken).Read().Select(prompt => prompt.Prompt)
            : throw new UsageException($"--prompts takes one prompt per line; use 'dalle batch' for '{path}', a table that may have ids and seeds.");
}
