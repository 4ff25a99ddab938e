using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;

namespace Dalle.ML.Cli;

/// <summary>Options of sampling, shared by all commands that generate images.</summary>
internal static class SamplingArguments
{
    public static Option<int> Images { get; } = new Option<int>("--images", "-n") { HelpName = "n", Description = "Images per prompt.", DefaultValueFactory = _ => 1 }
        .MustBeNumber(1, 100_000);

    private static readonly Option<int?> Candidates = new Option<int?>("--candidates") { HelpName = "n", Description = "Candidates per image; the best is kept [default: the model's]." }
        .MustBeNumber(1, GenerationOptions.MaxCandidates);

    public static Option<string?> Ranking { get; } = new Option<string?>("--rank-by") { HelpName = "judge", Description = "Which image is the best: clip, perplexity (of the transformer, lower is better) or both [default: clip]." }
        .MustBe(text => text is null || RankByOf(text) is not null, "clip, perplexity or both");

    public static Option<ulong?> Seed { get; } = new Option<ulong?>("--seed") { HelpName = "n", Description = "The same seed gives the same results [default: random, and reported]." }
        .MustBeNumber(ulong.MinValue, ulong.MaxValue);

    private static readonly Option<float?> Temperature = new Option<float?>("--temperature") { HelpName = "t", Description = "0 always takes the most likely token; higher values vary more [default: the model's]." }
        .MustBeNumber(0, float.MaxValue, "a number, 0 or more");

    private static readonly Option<int?> TopK = new Option<int?>("--top-k") { HelpName = "k", Description = "Sample from the k most likely tokens only; 0 for all [default: the model's]." }
        .MustBeNumber(0, int.MaxValue);

    private static readonly Option<float?> TopP = new Option<float?>("--top-p") { HelpName = "p", Description = "Sample from the most likely tokens that together reach this probability [default: the model's]." }
        .MustBeNumber(float.Epsilon, 1, "a number above 0 and at most 1");

    private static readonly Option<float?> Guidance = new Option<float?>("--guidance") { HelpName = "scale", Description = "Classifier-free guidance; 1 for none [default: the model's]." }
        .MustBeNumber(float.MinValue, float.MaxValue, "a finite number");

    private static readonly Option<int?> Steps = new Option<int?>("--steps") { HelpName = "n", Description = "DALL·E 2: steps of the decoder [default: the model's]." }
        .MustBeNumber(1, DiffusionOptions.MaxSteps);

    private static readonly Option<int?> PriorSteps = new Option<int?>("--prior-steps") { HelpName = "n", Description = "DALL·E 2: steps of the prior [default: the model's]." }
        .MustBeNumber(1, DiffusionOptions.MaxSteps);

    private static readonly Option<int?> UpsamplerSteps = new Option<int?>("--upsampler-steps") { HelpName = "n", Description = "DALL·E 2: steps of each upsampler [default: the model's]." }
        .MustBeNumber(1, DiffusionOptions.MaxSteps);

    private static readonly Option<float?> PriorGuidance = new Option<float?>("--prior-guidance") { HelpName = "scale", Description = "DALL·E 2: guidance of the prior; 1 for none [default: the model's]." }
        .MustBeNumber(float.MinValue, float.MaxValue, "a finite number");

    private static readonly Option<bool> Fast = new("--fast") { Description = "DALL·E 2: the smaller numbers of steps that the model names for speed." };

    public static Option<int> FirstCandidate { get; } = new Option<int>("--first-candidate") { HelpName = "n", Description = "Index of the first candidate: splits the candidates over several runs." }
        .MustBeNumber(0, int.MaxValue - GenerationOptions.MaxCandidates);

    /// <summary>Number of candidates and how tokens are sampled.</summary>
    public static IEnumerable<Option> Sampling => [Candidates, Ranking, Temperature, TopK, TopP, Guidance, Steps, PriorSteps, UpsamplerSteps, PriorGuidance, Fast];

    public static IEnumerable<Option> All => [Images, Seed, .. Sampling];

    /// <summary>How the tokens of a text are sampled.</summary>
    public static IEnumerable<Option> OfText => [Temperature, TopK, TopP];

    public static SamplingOptions ReadOfText(ParseResult parsed) => new()
    {
        Temperature = parsed.GetValue(Temperature),
        TopK = parsed.GetValue(TopK),
        TopP = parsed.GetValue(TopP),
    };

    public static GenerationOptions Read(ParseResult parsed) => new()
    {
        Candidates = parsed.GetValue(Candidates),
        RankBy = RankByOf(parsed),
        Sampling = ReadOfText(parsed) with { GuidanceScale = parsed.GetValue(Guidance) },
        Diffusion = new DiffusionOptions
        {
            DecoderSteps = parsed.GetValue(Steps),
            PriorSteps = parsed.GetValue(PriorSteps),
            UpsamplerSteps = parsed.GetValue(UpsamplerSteps),
            PriorGuidance = parsed.GetValue(PriorGuidance),
            IsFast = parsed.GetValue(Fast),
        },
    };

    /// <summary>The option of a property that the model refused the value of; null if it is none of these.</summary>
    public static Option? OptionOf(string? property) => property switch
    {
        nameof(DiffusionOptions.DecoderSteps) => Steps,
        nameof(DiffusionOptions.PriorSteps) => PriorSteps,
        nameof(DiffusionOptions.UpsamplerSteps) => UpsamplerSteps,
        nameof(DiffusionOptions.PriorGuidance) => PriorGuidance,
        nameof(DiffusionOptions.IsFast) => Fast,
        nameof(SamplingOptions.GuidanceScale) => Guidance,
        _ => null,
    };

    /// <summary>Completes the options with the model's number of candidates.</summary>
    /// <param name="options">The options.</param>
    /// <param name="model">The model.</param>
    /// <param name="runsPrior">Whether the command makes image embeddings of texts.</param>
    /// <exception cref="UsageException">There are several candidates, and nothing ranks them; or an option is not for this model or command.</exception>
    public static GenerationOptions Complete(GenerationOptions options, DalleModelInfo model, bool runsPrior = true)
    {
        var (sampling, diffusion) = (options.Sampling, options.Diffusion);
        (Option Option, bool IsSet)[] ofTokens = [(Ranking, options.RankBy != RankBy.Clip), (Temperature, sampling.Temperature is not null), (TopK, sampling.TopK is not null), (TopP, sampling.TopP is not null)];
        (Option Option, bool IsSet)[] ofDiffusion =
        [
            (Steps, diffusion.DecoderSteps is not null), (PriorSteps, diffusion.PriorSteps is not null), (UpsamplerSteps, diffusion.UpsamplerSteps is not null),
            (PriorGuidance, diffusion.PriorGuidance is not null), (Fast, diffusion.IsFast),
        ];
        var isDiffusion = model is { CanGenerate: true, TokenRows: 0 };
        if ((isDiffusion ? ofTokens : ofDiffusion).FirstOrDefault(option => option.IsSet).Option is { } wrong)
        {
            throw new UsageException(isDiffusion
                ? $"{wrong.Name} is for models that sample image tokens; '{model.Name}' is a diffusion model. Leave it out."
                : $"{wrong.Name} is for DALL·E 2 models; '{model.Name}' samples image tokens. Leave it out.");
        }
        if (!runsPrior && ofDiffusion.FirstOrDefault(option => option.IsSet && (option.Option == PriorSteps || option.Option == PriorGuidance)).Option is { } prior)
            throw new UsageException($"{prior.Name} is for the prior, which makes an image embedding of a text; here it comes from an image. Leave it out.");
        if (options.RankBy == RankBy.Both && !model.HasClip)
            throw new UsageException($"--rank-by both: the model '{model.Name}' has no CLIP. Rank by perplexity, or add a CLIP to the model with 'dalle export … --clip'.");
        // Without a prompt there is nothing to choose by.
        var candidates = options.Candidates ?? (runsPrior ? model.Defaults.Candidates : 1);
        return candidates == 1 || model.HasClip || options.RankBy == RankBy.Perplexity
            ? options with { Candidates = candidates }
            : throw new UsageException(string.Create(CultureInfo.InvariantCulture,
                $"--candidates {candidates}: nothing ranks the candidates, because the model '{model.Name}' has no CLIP. Ask for several images with -n, add --rank-by perplexity, or add a CLIP to the model with 'dalle export … --clip'."));
    }

    /// <summary>What candidates, or images, are ranked by.</summary>
    public static RankBy RankByOf(ParseResult parsed) => RankByOf(parsed.GetValue(Ranking) ?? "clip")!.Value;

    private static RankBy? RankByOf(string text) => text switch
    {
        "clip" => RankBy.Clip,
        "perplexity" => RankBy.Perplexity,
        "both" => RankBy.Both,
        _ => null,
    };

    /// <summary>The given seed, or a random one that is reported so that the images can be generated again.</summary>
    public static ulong ReadSeed(ParseResult parsed)
    {
        if (parsed.GetValue(Seed) is { } seed)
            return seed;
        seed = BitConverter.ToUInt32(RandomNumberGenerator.GetBytes(sizeof(uint)));
        if (!parsed.GetValue(Results.Quiet))
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"seed {seed}"));
        return seed;
    }
}
