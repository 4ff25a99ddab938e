using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>
/// Model, prompts and options of a folder's images: <c>batch.json</c>, written first and never changed, beside the prompts. All processes that
/// work on the folder, one after another or at the same time, agree on it.
/// </summary>
internal sealed record BatchJob
{
    public const string FileName = "batch.json";
    public const string PromptsName = "prompts.jsonl";

    private const int CurrentFormat = 1;

    [JsonRequired]
    public int Format { get; init; } = CurrentFormat;

    [JsonRequired]
    public required int Prompts { get; init; }

    /// <summary>SHA-256 of <c>prompts.jsonl</c>.</summary>
    [JsonRequired]
    public required string PromptsSha256 { get; init; }

    [JsonRequired]
    public required string Model { get; init; }

    [JsonRequired]
    public required string ModelHash { get; init; }

    [JsonRequired]
    public required ulong Seed { get; init; }

    [JsonRequired]
    public required int Candidates { get; init; }

    [JsonRequired]
    public required float Temperature { get; init; }

    [JsonRequired]
    public required int TopK { get; init; }

    [JsonRequired]
    public required float TopP { get; init; }

    [JsonRequired]
    public required float Guidance { get; init; }

    /// <summary>Assigns a folder to a job, or checks that it belongs to the job.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="model">The model.</param>
    /// <param name="generation">How images are generated.</param>
    /// <param name="seed">Seed of the batch; if null, the folder's, or a random one for a new folder.</param>
    /// <exception cref="InvalidDataException">
    /// The folder belongs to another job, and the message names the difference; or it belongs to none and has files that this job would replace.
    /// </exception>
    public static BatchJob Open(BatchFolder folder, IReadOnlyList<NumberedPrompt> prompts, DalleModelInfo model, GenerationOptions generation, ulong? seed)
    {
        var lines = Lines(prompts);
        var (sampling, defaults) = (generation.Sampling, model.Defaults.Sampling);
        var job = new BatchJob
        {
            Prompts = prompts.Count,
            PromptsSha256 = Sha256(lines),
            Model = model.Name,
            ModelHash = model.Hash,
            Seed = seed ?? BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint))),
            Candidates = (generation.Candidates ?? model.Defaults.Candidates)!.Value,
            Temperature = (sampling.Temperature ?? defaults.Temperature)!.Value,
            TopK = (sampling.TopK ?? defaults.TopK)!.Value,
            TopP = (sampling.TopP ?? defaults.TopP)!.Value,
            Guidance = (sampling.GuidanceScale ?? defaults.GuidanceScale)!.Value,
        };
        if (!File.Exists(folder.PathOf(FileName)))
        {
            RefuseForeignImages(folder, prompts);
            folder.WriteNew(FileName, JsonLine.Bytes(job));
        }
        var known = ReadDescription(folder.FullPath);
        job = seed is null ? job with { Seed = known.Seed } : job;
        if (job.DifferenceTo(known) is { } difference)
            throw new InvalidDataException($"The folder '{folder.FullPath}' belongs to another batch: {difference}. Choose another folder, or use the arguments that the batch was started with.");
        if (!BatchFolder.Holds(folder.FullPath, PromptsName, job.PromptsSha256))
            folder.Write(PromptsName, lines);
        return known;
    }

    /// <summary>Reads the job of a folder and its prompts.</summary>
    /// <exception cref="InvalidDataException">The folder has no batch, or an incomplete description of one.</exception>
    public static (BatchJob Job, IReadOnlyList<NumberedPrompt> Prompts) Read(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName)))
            throw new InvalidDataException($"The folder '{folder}' has no batch: '{FileName}' is missing. Give the folder that 'dalle batch … -o' wrote.");
        var job = ReadDescription(folder);
        if (!BatchFolder.Holds(folder, PromptsName, job.PromptsSha256))
            throw new InvalidDataException($"'{PromptsName}' of the folder '{folder}' is missing or altered. Run the batch again with its own prompts: it writes the file, and generates nothing twice.");
        var path = Path.Combine(folder, PromptsName);
        return (job, BatchPrompts.Read(new PromptFile(path, PromptFormat.Jsonl, () => File.OpenRead(path))));
    }

    private static BatchJob ReadDescription(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return JsonLine.Read<BatchJob>(File.ReadAllBytes(path)) is { Format: CurrentFormat } job
            ? job
            : throw new InvalidDataException($"'{path}' is not a batch that this version of dalle can read. Choose another folder.");
    }

    private static void RefuseForeignImages(BatchFolder folder, IReadOnlyList<NumberedPrompt> prompts)
    {
        var files = Directory.EnumerateFiles(folder.FullPath).Select(Path.GetFileName).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var taken = prompts.Select(prompt => FileNames.OfId(prompt.Id)).FirstOrDefault(files.Contains);
        // Another shard may have started the batch meanwhile; the file is its own then.
        if (taken is not null && !File.Exists(folder.PathOf(FileName)))
            throw new InvalidDataException($"The folder '{folder.FullPath}' already has a file '{taken}' that does not belong to a batch. Choose another folder, preferably a new one.");
    }

    private string? DifferenceTo(BatchJob known)
    {
        foreach (var (what, here, there) in new (string, IFormattable, IFormattable)[]
        {
            ("the number of prompts", Prompts, known.Prompts), ("--seed", Seed, known.Seed), ("--candidates", Candidates, known.Candidates),
            ("--temperature", Temperature, known.Temperature), ("--top-k", TopK, known.TopK), ("--top-p", TopP, known.TopP),
            ("--guidance", Guidance, known.Guidance),
        })
        {
            if (!here.Equals(there))
                return string.Create(CultureInfo.InvariantCulture, $"{what} is {there} there and {here} here");
        }
        if (PromptsSha256 != known.PromptsSha256)
            return "the prompts differ";
        return ModelHash != known.ModelHash ? $"it was generated by the model '{known.Model}' ({known.ModelHash[..8]}…), not by '{Model}' ({ModelHash[..8]}…)" : null;
    }

    /// <summary>The prompts as a file that reads back to the same prompts.</summary>
    private static byte[] Lines(IReadOnlyList<NumberedPrompt> prompts) =>
        [.. prompts.SelectMany(prompt => JsonLine.Bytes(new { prompt.Id, prompt.Prompt, prompt.Seed }))];

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
