using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;

namespace Dalle.ML.Cli;

/// <summary>Options of sampling, shared by all commands that generate images.</summary>
internal static class SamplingArguments
{
    public static Option<int> Images { get; } = new Option<int>("--images", "-n") { HelpName = "n", Description = "Images per prompt.", DefaultValueFactory = _ => 1 }
        .MustBe(count => count is >= 1 and <= 100_000, "between 1 and 100000");

    private static readonly Option<int?> Candidates = new Option<int?>("--candidates") { HelpName = "n", Description = "Candidates per image; CLIP keeps the best [default: the model's]." }
        .MustBe(count => count is null or (>= 1 and <= GenerationOptions.MaxCandidates), $"between 1 and {GenerationOptions.MaxCandidates}");

    public static Option<ulong?> Seed { get; } = new Option<ulong?>("--seed") { HelpName = "n", Description = "The same seed gives the same images [default: random, and reported]." }
        .MustBe(_ => true, $"a whole number from 0 to {ulong.MaxValue}");

    private static readonly Option<float?> Temperature = new Option<float?>("--temperature") { HelpName = "t", Description = "0 always takes the most likely token; higher values vary more [default: the model's]." }
        .MustBe(value => value is null or (>= 0 and <= float.MaxValue), "0 or more");

    private static readonly Option<int?> TopK = new Option<int?>("--top-k") { HelpName = "k", Description = "Sample from the k most likely tokens only; 0 for all [default: the model's]." }
        .MustBe(value => value is null or >= 0, "0 or more");

    private static readonly Option<float?> TopP = new Option<float?>("--top-p") { HelpName = "p", Description = "Sample from the most likely tokens that together reach this probability [default: the model's]." }
        .MustBe(value => value is null or (> 0 and <= 1), "above 0 and at most 1");

    private static readonly Option<float?> Guidance = new Option<float?>("--guidance") { HelpName = "scale", Description = "Classifier-free guidance; 1 for none [default: the model's]." }
        .MustBe(value => value is null || float.IsFinite(value.Value), "a finite number");

    /// <summary>Number of candidates and how tokens are sampled.</summary>
    public static IEnumerable<Option> Sampling => [Candidates, Temperature, TopK, TopP, Guidance];

    public static IEnumerable<Option> All => [Images, Seed, .. Sampling];

    public static GenerationOptions Read(ParseResult parsed) => new()
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
