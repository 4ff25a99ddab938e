using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Serialization;
using Dalle.ML.Prompts;

namespace Dalle.ML.Cli;

/// <summary>
/// Model, prompts and options of a folder's images: <c>batch.json</c>, written first, beside the prompts. All processes that work on the
/// folder, one after another or at the same time, agree on it. Only its prompts may change later.
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

    /// <summary>What candidates are ranked by, where it is not CLIP.</summary>
    public string? RankBy { get; init; }

    /// <summary>How many times images are enlarged; null if they are not.</summary>
    public int? Upscale { get; init; }

    /// <summary>The hash of the model that enlarges images.</summary>
    public string? UpscalerHash { get; init; }

    /// <summary>Steps of a DALL·E 2 model's decoder; null where the model's own are taken, as below.</summary>
    public int? Steps { get; init; }

    public int? PriorSteps { get; init; }

    public int? UpsamplerSteps { get; init; }

    public float? PriorGuidance { get; init; }

    public bool Fast { get; init; }

    /// <summary>Assigns a folder to a job, or checks that it belongs to the job.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="prompts">The prompts.</param>
    /// <param name="model">The model.</param>
    /// <param name="generation">How images are generated.</param>
    /// <param name="enlargement">How images are enlarged; null if they are not.</param>
    /// <param name="seed">Seed of the batch; if null, the folder's, or a random one for a new folder.</param>
    /// <param name="remark">Is told which prompts are new or changed.</param>
    /// <exception cref="InvalidDataException">
    /// The folder belongs to another job, and the message names the difference; or it belongs to none and has files that this job would replace.
    /// </exception>
    public static BatchJob Open(
        BatchFolder folder, IReadOnlyList<NumberedPrompt> prompts, DalleModelInfo model, GenerationOptions generation, Enlargement? enlargement, ulong? seed, Action<string> remark)
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
            RankBy = generation.RankBy == Dalle.ML.RankBy.Clip ? null : generation.RankBy.ToString().ToLowerInvariant(),
            Upscale = enlargement?.Times,
            UpscalerHash = enlargement?.ModelHash,
            Steps = generation.Diffusion.DecoderSteps,
            PriorSteps = generation.Diffusion.PriorSteps,
            UpsamplerSteps = generation.Diffusion.UpsamplerSteps,
            PriorGuidance = generation.Diffusion.PriorGuidance,
            Fast = generation.Diffusion.IsFast,
        };
        if (!File.Exists(folder.PathOf(FileName)))
        {
            // Another shard may start the batch meanwhile; the files are its own then.
            RefuseForeignImages(folder, prompts, () => !File.Exists(folder.PathOf(FileName)));
            folder.WriteNew(FileName, JsonLine.Bytes(job));
        }
        var known = ReadDescription(folder.FullPath);
        job = seed is null ? job with { Seed = known.Seed } : job;
        if (job.DifferenceTo(known) is { } difference)
            throw IsAnother(folder, difference);
        if (job.PromptsSha256 != known.PromptsSha256)
        {
            remark(ChangesOf(folder, known, prompts));
            folder.Write(FileName, JsonLine.Bytes(job));
        }
        // Second: a process that is killed in between leaves prompts that are not those of the job, and are written again.
        if (!BatchFolder.Holds(folder.FullPath, PromptsName, job.PromptsSha256))
            folder.Write(PromptsName, lines);
        return job;
    }

    /// <summary>Describes how the prompts of a batch have changed.</summary>
    /// <exception cref="InvalidDataException">They are those of another batch.</exception>
    private static string ChangesOf(BatchFolder folder, BatchJob known, IReadOnlyList<NumberedPrompt> prompts)
    {
        if (prompts.Count < known.Prompts)
            throw IsAnother(folder, string.Create(CultureInfo.InvariantCulture, $"it has {known.Prompts} prompts, and here are {prompts.Count}"));
        if (!BatchFolder.Holds(folder.FullPath, PromptsName, known.PromptsSha256))
            throw IsAnother(folder, $"the prompts differ from those that it had, and '{PromptsName}' no longer holds them");
        var before = ReadPrompts(folder.FullPath);
        var changed = before.Zip(prompts).Count(pair => (pair.First.Prompt, pair.First.Seed) != (pair.Second.Prompt, pair.Second.Seed));
        if (changed > before.Count / 2)
            throw IsAnother(folder, string.Create(CultureInfo.InvariantCulture, $"{changed} of its {before.Count} prompts differ"));
        var names = before.Select(prompt => prompt.Id).ToHashSet(StringComparer.OrdinalIgnoreCase);
        RefuseForeignImages(folder, prompts.Where(prompt => !names.Contains(prompt.Id)));
        return string.Create(CultureInfo.InvariantCulture, $"the prompts of this batch have changed: {prompts.Count - before.Count} are new and {changed} are different. These are generated, and take the place of the images of replaced prompts; the other images are kept.");
    }

    private static InvalidDataException IsAnother(BatchFolder folder, string difference) =>
        new($"The folder '{folder.FullPath}' belongs to another batch: {difference}. Choose another folder, or use the arguments that the batch was started with.");

    /// <summary>Reads the job of a folder and its prompts.</summary>
    /// <exception cref="InvalidDataException">The folder has no batch, or an incomplete description of one.</exception>
    public static (BatchJob Job, IReadOnlyList<NumberedPrompt> Prompts) Read(string folder)
    {
        if (!File.Exists(Path.Combine(folder, FileName)))
            throw new InvalidDataException($"The folder '{folder}' has no batch: '{FileName}' is missing. Give the folder that 'dalle batch … -o' wrote.");
        var job = ReadDescription(folder);
        if (!BatchFolder.Holds(folder, PromptsName, job.PromptsSha256))
            throw new InvalidDataException($"'{PromptsName}' of the folder '{folder}' is missing or altered. Run the batch again with its own prompts: it writes the file, and generates nothing twice.");
        return (job, ReadPrompts(folder));
    }

    private static IReadOnlyList<NumberedPrompt> ReadPrompts(string folder)
    {
        var path = Path.Combine(folder, PromptsName);
        return BatchPrompts.Read(new PromptFile(path, PromptFormat.Jsonl, () => File.OpenRead(path)));
    }

    private static BatchJob ReadDescription(string folder)
    {
        var path = Path.Combine(folder, FileName);
        return JsonLine.Read<BatchJob>(File.ReadAllBytes(path)) is { Format: CurrentFormat } job
            ? job
            : throw new InvalidDataException($"'{path}' is not a batch that this version of dalle can read. Choose another folder.");
    }

    private static void RefuseForeignImages(BatchFolder folder, IEnumerable<NumberedPrompt> prompts, Func<bool>? isForeign = null)
    {
        var files = Directory.EnumerateFiles(folder.FullPath).Select(Path.GetFileName).ToHashSet(StringComparer.OrdinalIgnoreCase);
        var taken = prompts.Select(prompt => FileNames.OfId(prompt.Id)).FirstOrDefault(files.Contains);
        if (taken is not null && isForeign?.Invoke() != false)
            throw new InvalidDataException($"The folder '{folder.FullPath}' already has a file '{taken}' that does not belong to a batch. Choose another folder, preferably a new one.");
    }

    private string? DifferenceTo(BatchJob known)
    {
        foreach (var (what, here, there) in new (string, object?, object?)[]
        {
            ("--seed", Seed, known.Seed), ("--candidates", Candidates, known.Candidates),
            ("--rank-by", RankBy, known.RankBy), ("--upscale", Upscale, known.Upscale), ("the model of --upscaler", UpscalerHash, known.UpscalerHash),
            ("--temperature", Temperature, known.Temperature), ("--top-k", TopK, known.TopK), ("--top-p", TopP, known.TopP),
            ("--guidance", Guidance, known.Guidance), ("--steps", Steps, known.Steps), ("--prior-steps", PriorSteps, known.PriorSteps),
            ("--upsampler-steps", UpsamplerSteps, known.UpsamplerSteps), ("--prior-guidance", PriorGuidance, known.PriorGuidance), ("--fast", Fast, known.Fast),
        })
        {
            if (!Equals(here, there))
                return string.Create(CultureInfo.InvariantCulture, $"{what} is {there ?? Absent(what)} there and {here ?? Absent(what)} here");
        }
        return ModelHash != known.ModelHash ? $"it was generated by the model '{known.Model}' ({known.ModelHash[..8]}…), not by '{Model}' ({ModelHash[..8]}…)" : null;
    }

    /// <summary>What there is in place of an option that is not given.</summary>
    private static string Absent(string option) => option switch
    {
        "--rank-by" => "clip",
        "--upscale" or "the model of --upscaler" => "absent",
        _ => "the model's",
    };

    /// <summary>The prompts as a file that reads back to the same prompts.</summary>
    private static byte[] Lines(IReadOnlyList<NumberedPrompt> prompts) =>
        [.. prompts.SelectMany(prompt => JsonLine.Bytes(new { prompt.Id, prompt.Prompt, prompt.Seed }))];

    private static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));
}
