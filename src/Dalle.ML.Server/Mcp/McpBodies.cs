using System.Text.Json.Serialization;
using Dalle.ML.Server.Api;

namespace Dalle.ML.Server.Mcp;

/// <summary>Arguments of <c>generate_image</c>. <see cref="ToolSchemas"/> tells agents of each.</summary>
internal record GenerateArguments
{
    public string? Prompt { get; init; }

    public int? N { get; init; }

    /// <summary>A number, or its digits: agents in JavaScript know no integers above 2^53.</summary>
    [JsonNumberHandling(JsonNumberHandling.AllowReadingFromString)]
    public ulong? Seed { get; init; }

    public int? Candidates { get; init; }

    public float? GuidanceScale { get; init; }

    public float? Temperature { get; init; }

    public int? TopK { get; init; }

    public float? TopP { get; init; }

    public int? Steps { get; init; }

    public string? Size { get; init; }

    public ImageBody ToBody() => new()
    {
        Prompt = Prompt,
        N = N,
        Seed = Seed,
        Candidates = Candidates,
        GuidanceScale = GuidanceScale,
        Temperature = Temperature,
        TopK = TopK,
        TopP = TopP,
        Steps = Steps,
        Size = Size,
    };
}

/// <summary>Arguments of <c>edit_image</c>.</summary>
internal sealed record EditArguments : GenerateArguments
{
    public string? Image { get; init; }

    public string? Mask { get; init; }

    public RegionArguments? Redraw { get; init; }

    public RegionArguments? Keep { get; init; }
}

/// <summary>A rectangle in pixels.</summary>
internal sealed record RegionArguments
{
    [JsonRequired]
    public int X { get; init; }

    [JsonRequired]
    public int Y { get; init; }

    [JsonRequired]
    public int Width { get; init; }

    [JsonRequired]
    public int Height { get; init; }

    public EditRegion ToRegion(bool isKept) => new(X, Y, Width, Height, isKept);
}

/// <summary>Arguments of <c>describe_model</c>: none.</summary>
internal sealed record NoArguments;

/// <summary>What a tool tells of its images, in the order of the images.</summary>
internal sealed record ToolReply(string Model, string Size, IReadOnlyList<ToolImageReply> Images)
{
    public IReadOnlyList<string>? Warnings { get; init; }
}

/// <param name="Seed">The digits of the seed, which agents must not round.</param>
/// <param name="Score">How well the image fits the prompt, by CLIP; null without CLIP.</param>
/// <param name="Candidate">Number of the candidate that was best, from 0.</param>
internal sealed record ToolImageReply(string Seed, float? Score, int Candidate);
