using System.Text;

namespace Dalle.ML.Cli;

/// <summary>Prompts from arguments, a file and standard input, in this order.</summary>
internal static class PromptInput
{
    private const string StandardInput = "-";

    /// <param name="arguments">Prompts, '-' for those on standard input.</param>
    /// <param name="file">A file with a prompt a line, '-' for standard input, or null.</param>
    /// <param name="cancellation">Stops the wait for input.</param>
    /// <exception cref="UsageException">There is no prompt.</exception>
    /// <exception cref="InvalidDataException">The file is not text.</exception>
    public static async Task<IReadOnlyList<string>> ReadAsync(string[] arguments, string? file, CancellationToken cancellation)
    {
        var prompts = new List<string>();
        if (arguments.Length == 0 && file is null && Console.IsInputRedirected)
            file = StandardInput;
        foreach (var argument in arguments)
        {
            if (argument == StandardInput)
                await AddLinesAsync(Console.In);
            else
                prompts.Add(argument);
        }
        if (file == StandardInput)
            await AddLinesAsync(Console.In);
        else if (file is not null)
            await AddFileAsync(file);
        return prompts.Count > 0
            ? prompts
            : throw new UsageException("there is no prompt. Give one, e.g. dalle generate \"a red apple\", or a line each on standard input or in the file of --prompts.");

        async Task AddFileAsync(string path)
        {
            if (!File.Exists(path))
                throw new FileNotFoundException($"The file of prompts '{path}' (--prompts) does not exist.", path);
            using var reader = new StreamReader(path, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true));
            try
            {
                await AddLinesAsync(reader);
            }
            catch (DecoderFallbackException exception)
            {
                throw new InvalidDataException($"The file of prompts '{path}' (--prompts) is not UTF-8 text; save it as UTF-8.", exception);
            }
        }

        async Task AddLinesAsync(TextReader reader)
        {
            while (await reader.ReadLineAsync(cancellation) is { } line)
            {
                if (line.Trim() is { Length: > 0 } prompt)
                    prompts.Add(prompt);
            }
        }
    }
}
