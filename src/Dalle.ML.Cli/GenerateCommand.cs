using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using Dalle.ML.Generation;
using Dalle.ML.Runtime;

namespace Dalle.ML.Cli;

/// <summary><c>dalle generate</c>: prompts become PNG files.</summary>
internal static class GenerateCommand
{
    private static readonly Argument<string[]> Prompts = new("prompt")
    {
        Description = "What to draw; several prompts are drawn in turn. With none, or '-', prompts are read from standard input, one a line.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<DirectoryInfo> Model = new("--model", "-m") { Description = "The bundle's folder [default: the built-in model]." };
    private static readonly Option<int> Images = new("--images", "-n") { Description = "Images per prompt.", DefaultValueFactory = _ => 1 };
    private static readonly Option<int?> Candidates = new("--candidates") { Description = "Candidates drawn for each image, of which CLIP keeps the best [default: the model's]." };
    private static readonly Option<ulong?> Seed = new("--seed") { Description = "The same seed gives the same images [default: a random one, which is reported]." };
    private static readonly Option<float?> Temperature = new("--temperature") { Description = "0 always takes the likeliest token; higher varies more [default: the model's]." };
    private static readonly Option<int?> TopK = new("--top-k") { Description = "Draw from the k likeliest tokens only; 0 for all [default: the model's]." };
    private static readonly Option<float?> TopP = new("--top-p") { Description = "Draw from the likeliest tokens that together reach this probability [default: the model's]." };
    private static readonly Option<float?> Guidance = new("--guidance") { Description = "Scale of classifier-free guidance; 1 for none [default: the model's]." };
    private static readonly Option<bool> Grid = new("--grid") { Description = "Also write all images as one sheet, grid.png." };
    private static readonly Option<DirectoryInfo> Output = new("--output", "-o") { Description = "Folder of the images, created if need be [default: the current one]." };
    private static readonly Option<string> Device = new("--device") { Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu" };
    private static readonly Option<bool> Json = new("--json") { Description = "Report each image as a line of JSON in place of its path." };
    private static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "No progress and no remarks." };

    public static Command Create()
    {
        Require(Images, count => count is >= 1 and <= 100_000, "between 1 and 100000");
        Require(Candidates, count => count is null or (>= 1 and <= GenerationOptions.MaxCandidates), $"between 1 and {GenerationOptions.MaxCandidates}");
        Require(Temperature, value => value is null or (>= 0 and <= float.MaxValue), "0 or more");
        Require(TopK, value => value is null or >= 0, "0 or more");
        Require(TopP, value => value is null or (> 0 and <= 1), "above 0 and at most 1");
        Require(Guidance, value => value is null || float.IsFinite(value.Value), "a finite number");
        Require(Device, value => value is not null && TryParseDevice(value), "cpu, cuda or cuda:N");

        var command = new Command("generate", "Draw prompts. The paths of the images go to standard output.")
        {
            Prompts, Model, Images, Candidates, Seed, Temperature, TopK, TopP, Guidance, Grid, Output, Device, Json, Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellation)
    {
        if (MistakenOption(parsed) is { } option)
        {
            await Console.Error.WriteLineAsync($"dalle: '{option}' is not an option of generate; see dalle generate --help. A prompt that begins with a dash goes after ' -- '.");
            return CommandRunner.Usage;
        }
        var prompts = await ReadPromptsAsync(parsed.GetValue(Prompts) ?? [], cancellation);
        if (prompts.Count == 0)
        {
            await Console.Error.WriteLineAsync("dalle: there is no prompt. Give one, e.g. dalle generate \"a red apple\", or a line each on standard input.");
            return CommandRunner.Usage;
        }

        var quiet = parsed.GetValue(Quiet);
        var seed = parsed.GetValue(Seed) ?? BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        if (!quiet && parsed.GetValue(Seed) is null)
            await Console.Error.WriteLineAsync(string.Create(CultureInfo.InvariantCulture, $"dalle: seed {seed}"));

        var device = DalleDevice.Parse(parsed.GetRequiredValue(Device));
        using var model = parsed.GetValue(Model) is { } folder ? DalleModel.Load(folder.FullName, device) : DalleModel.LoadDefault(device);
        var requests = prompts.SelectMany(prompt => GenerationRequest.Series(prompt, seed, parsed.GetValue(Images))).ToArray();
        var options = new GenerationOptions
        {
            Candidates = parsed.GetValue(Candidates),
            Sampling = new SamplingOptions
            {
                Temperature = parsed.GetValue(Temperature),
                GuidanceScale = parsed.GetValue(Guidance),
                TopK = parsed.GetValue(TopK),
                TopP = parsed.GetValue(TopP),
            },
        };
        var files = new ImageFiles(parsed.GetValue(Output)?.FullName ?? Environment.CurrentDirectory);
        var sheet = parsed.GetValue(Grid) ? new ContactSheet(prompts.Count > 1 && parsed.GetValue(Images) > 1 ? parsed.GetValue(Images) : null) : null;

        var written = 0;
        try
        {
            await ProgressBar.RunAsync(!quiet, report =>
            {
                foreach (var image in model.Generate(requests, options, report, cancellation))
                {
                    using (image)
                    {
                        Report(image, files.Save(image.Image, image.Prompt, image.Seed), parsed.GetValue(Json));
                        sheet?.Add(image.Image);
                        written++;
                    }
                }
            });
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"dalle: interrupted; {written} of {requests.Length} images were written and are kept.");
            return CommandRunner.Interrupted;
        }
        finally
        {
            if (sheet is not null && written > 0)
            {
                using var image = sheet.Draw();
                Report(files.SaveAs(image, "grid.png"), parsed.GetValue(Json));
            }
        }
        return CommandRunner.Success;
    }

    /// <summary>A word that was meant as an option, though as a prompt anything goes: one with a dash before it, and no '--' before that.</summary>
    private static string? MistakenOption(ParseResult parsed) => parsed.Tokens
        .TakeWhile(token => token.Type != TokenType.DoubleDash)
        .FirstOrDefault(token => token.Type == TokenType.Argument && token.Value.Length > 1 && token.Value[0] == '-' && parsed.GetValue(Prompts)!.Contains(token.Value))?.Value;

    private static async Task<IReadOnlyList<string>> ReadPromptsAsync(string[] arguments, CancellationToken cancellation)
    {
        if (arguments.Length > 0 && !arguments.Contains("-"))
            return arguments;
        if (arguments.Length == 0 && !Console.IsInputRedirected)
            return [];
        var prompts = new List<string>();
        foreach (var argument in arguments.DefaultIfEmpty("-"))
        {
            if (argument != "-")
                prompts.Add(argument);
            else
                while (await Console.In.ReadLineAsync(cancellation) is { } line)
                    prompts.Add(line.Trim());
        }
        return prompts.FindAll(prompt => prompt.Length > 0);
    }

    private static void Report(GeneratedImage image, string path, bool asJson)
    {
        if (!asJson)
        {
            Console.WriteLine(path);
            return;
        }
        WriteJson(writer =>
        {
            writer.WriteString("prompt", image.Prompt);
            writer.WriteNumber("seed", image.Seed);
            writer.WriteNumber("candidate", image.Candidate);
            writer.WriteNumber("candidateSeed", image.CandidateSeed);
            if (float.IsFinite(image.Score))
                writer.WriteNumber("score", image.Score);
            writer.WriteString("file", path);
        });
    }

    private static void Report(string path, bool asJson)
    {
        if (asJson)
            WriteJson(writer => writer.WriteString("grid", path));
        else
            Console.WriteLine(path);
    }

    private static void WriteJson(Action<Utf8JsonWriter> properties)
    {
        using var line = new MemoryStream();
        using (var writer = new Utf8JsonWriter(line, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            writer.WriteStartObject();
            properties(writer);
            writer.WriteEndObject();
        }
        Console.WriteLine(System.Text.Encoding.UTF8.GetString(line.ToArray()));
    }

    private static void Require<T>(Option<T> option, Func<T?, bool> isValid, string range) => option.Validators.Add(result =>
    {
        if (!TryGet<T>(result, out var value) || !isValid(value))
            result.AddError($"{option.Name} must be {range}.");
    });

    private static bool TryGet<T>(OptionResult result, out T? value)
    {
        try
        {
            value = result.GetValueOrDefault<T>();
            return true;
        }
        catch (InvalidOperationException)
        {
            value = default;
            return false;
        }
    }

    private static bool TryParseDevice(string text)
    {
        try
        {
            DalleDevice.Parse(text);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }
}
