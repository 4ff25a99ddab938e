using System.CommandLine;
using System.Globalization;
using System.Security.Cryptography;

namespace Dalle.ML.Cli;

/// <summary>How images are drawn, wherever the tool draws some.</summary>
internal static class SamplingArguments
{
    public static Option<int> Images { get; } = new Option<int>("--images", "-n") { Description = "Images per prompt.", DefaultValueFactory = _ => 1 }
        .MustBe(count => count is >= 1 and <= 100_000, "between 1 and 100000");

    private static readonly Option<int?> Candidates = new Option<int?>("--candidates") { Description = "Candidates drawn for each image, of which CLIP keeps the best [default: the model's]." }
        .MustBe(count => count is null or (>= 1 and <= GenerationOptions.MaxCandidates), $"between 1 and {GenerationOptions.MaxCandidates}");

    public static Option<ulong?> Seed { get; } = new Option<ulong?>("--seed") { Description = "The same seed gives the same images [default: a random one, which is reported]." }
        .MustBe(_ => true, $"a whole number from 0 to {ulong.MaxValue}");

    private static readonly Option<float?> Temperature = new Option<float?>("--temperature") { Description = "0 always takes the likeliest token; higher varies more [default: the model's]." }
        .MustBe(value => value is null or (>= 0 and <= float.MaxValue), "0 or more");

    private static readonly Option<int?> TopK = new Option<int?>("--top-k") { Description = "Draw from the k likeliest tokens only; 0 for all [default: the model's]." }
        .MustBe(value => value is null or >= 0, "0 or more");

    private static readonly Option<float?> TopP = new Option<float?>("--top-p") { Description = "Draw from the likeliest tokens that together reach this probability [default: the model's]." }
        .MustBe(value => value is null or (> 0 and <= 1), "above 0 and at most 1");

    private static readonly Option<float?> Guidance = new Option<float?>("--guidance") { Description = "Scale of classifier-free guidance; 1 for none [default: the model's]." }
        .MustBe(value => value is null || float.IsFinite(value.Value), "a finite number");

    /// <summary>How candidates and tokens are drawn.</summary>
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

    /// <summary>The seed that is asked for, or a random one that the user is told, so that the images can be had again.</summary>
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
