using System.ComponentModel;
using System.Text.Json.Serialization;
using Microsoft.AspNetCore.Http;

namespace Dalle.ML.Server.Api;

/// <summary>A request for images. The fields are OpenAI's; behind them those that this server adds.</summary>
internal record ImageBody
{
    [Description("What to generate.")]
    public string? Prompt { get; init; }

    [Description("Name of the model that is served; it may be left out.")]
    public string? Model { get; init; }

    [Description("Number of images, 1 or more. Those from the second on have seeds that are derived from the first.")]
    public int? N { get; init; }

    [Description("The model's size, e.g. 64x64, or auto. Another size is an error that names the model's.")]
    public string? Size { get; init; }

    [Description("b64_json (the default) or url.")]
    public string? ResponseFormat { get; init; }

    [Description("png (the default), jpeg or webp.")]
    public string? OutputFormat { get; init; }

    [Description("Quality of jpeg and webp, 0 to 100, which is the default.")]
    public int? OutputCompression { get; init; }

    [Description("Whether the answer is a stream of server-sent events.")]
    public bool? Stream { get; init; }

    [Description("Number of images on the way that a stream sends, evenly spread over the rows of tokens.")]
    public int? PartialImages { get; init; }

    [Description("auto or opaque: images have no transparent parts.")]
    public string? Background { get; init; }

    [Description("auto or standard: the model has one quality.")]
    public string? Quality { get; init; }

    [Description("auto or low: nothing is moderated here.")]
    public string? Moderation { get; init; }

    [Description("Is accepted and ignored.")]
    public string? User { get; init; }

    [Description("The same seed gives the same image; random if absent. The answer tells it.")]
    public ulong? Seed { get; init; }

    [Description("Candidates that are generated for an image; CLIP keeps the best. The model's default if absent.")]
    public int? Candidates { get; init; }

    [Description("Divisor of the logits, 0 or more.")]
    public float? Temperature { get; init; }

    [Description("Samples from the k most likely tokens; 0 keeps all.")]
    public int? TopK { get; init; }

    [Description("Samples from the most likely tokens that reach this probability, above 0 and at most 1.")]
    public float? TopP { get; init; }

    [Description("Scale of classifier-free guidance; 1 means none.")]
    public float? GuidanceScale { get; init; }

    [Description("Steps of the decoder, of a diffusion model.")]
    public int? Steps { get; init; }

    [Description("Steps of the prior, of a diffusion model.")]
    public int? PriorSteps { get; init; }

    [Description("Steps of each upsampler, of a diffusion model that has some.")]
    public int? UpsamplerSteps { get; init; }

    [Description("Scale of the prior's guidance, of a diffusion model; 1 means none.")]
    public float? PriorGuidance { get; init; }

    [Description("Whether a diffusion model takes the fewer steps that it names for speed.")]
    public bool? Fast { get; init; }

    [Description("How far a variation leaves the image, 0 to 1; from noise alone if absent.")]
    public float? Strength { get; init; }
}

/// <summary>The form of an edit, as the OpenAPI document tells it.</summary>
internal sealed record EditForm : ImageBody
{
    [Description("The image to edit.")]
    public required IFormFile Image { get; init; }

    [Description("What is transparent in it is redrawn; of the image's size. Without it the image's own transparent part is.")]
    public IFormFile? Mask { get; init; }
}

/// <summary>The form of a variation, as the OpenAPI document tells it.</summary>
internal sealed record VariationForm : ImageBody
{
    [Description("The image to vary.")]
    public required IFormFile Image { get; init; }
}

/// <summary>A request for embeddings.</summary>
internal sealed record EmbeddingsBody
{
    [Description("A text, an image as a data URI with base64, or a list of these.")]
    public System.Text.Json.JsonElement? Input { get; init; }

    [Description("Name of the model that is served; it may be left out.")]
    public string? Model { get; init; }

    [Description("float (the default) or base64.")]
    public string? EncodingFormat { get; init; }

    [Description("Number of values; only the model's own is possible.")]
    public int? Dimensions { get; init; }

    [Description("Is accepted and ignored.")]
    public string? User { get; init; }
}

/// <summary>A request of the older demo.</summary>
internal sealed record GenerateBody
{
    [Description("What to generate.")]
    public string? Text { get; init; }

    [Description("Number of images; 1 if absent.")]
    public int? NumImages { get; init; }
}

/// <summary>An answer with images.</summary>
internal sealed record ImagesReply(long Created, IReadOnlyList<ImageReply> Data, string OutputFormat, string Size, string Background, UsageReply Usage)
{
    /// <summary>What the model did not see of the prompt; absent if it saw all.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }
}

/// <summary>An image, and how to generate it again.</summary>
/// <param name="Seed">The seed that gives this image, alone, with the same options.</param>
/// <param name="Score">How well it fits the prompt, by CLIP; null without CLIP.</param>
/// <param name="Candidate">Number of the candidate that was best, from 0.</param>
internal sealed record ImageReply(ulong Seed, float? Score, int Candidate)
{
    [JsonPropertyName("b64_json")]
    public string? Base64 { get; init; }

    public string? Url { get; init; }
}

/// <summary>Tokens that a request took: of text, and of the images that it was given.</summary>
internal sealed record UsageReply(int InputTokens, int OutputTokens, int TotalTokens, UsageDetailsReply InputTokensDetails);

internal sealed record UsageDetailsReply(int TextTokens, int ImageTokens);

/// <summary>An event of a stream: an image on the way, or a finished one. The index is the number of the image in its request, from 0.</summary>
internal sealed record StreamEvent(
    string Type, int Index, [property: JsonPropertyName("b64_json")] string Base64, long CreatedAt, string Size, string OutputFormat, string Background, string Quality)
{
    public int? PartialImageIndex { get; init; }

    public ulong? Seed { get; init; }

    public float? Score { get; init; }

    public int? Candidate { get; init; }

    public UsageReply? Usage { get; init; }

    public IReadOnlyList<string>? Warnings { get; init; }
}

internal sealed record EmbeddingsReply(string Object, IReadOnlyList<EmbeddingReply> Data, string Model, EmbeddingsUsageReply Usage);

/// <param name="Object">The word <c>embedding</c>.</param>
/// <param name="Index">Number of the text, from 0.</param>
/// <param name="Embedding">Numbers, or the base64 of their bytes.</param>
internal sealed record EmbeddingReply(string Object, int Index, object Embedding);

internal sealed record EmbeddingsUsageReply(int PromptTokens, int TotalTokens);

internal sealed record ModelsReply(string Object, IReadOnlyList<ModelReply> Data);

/// <summary>The model, as OpenAI describes one, and what it can do.</summary>
internal sealed record ModelReply(string Id, string Object, long Created, string OwnedBy)
{
    public string? Description { get; init; }

    public required IReadOnlyList<string> Sizes { get; init; }

    public required int TokenRows { get; init; }

    public required int MaxPartialImages { get; init; }

    public required int MaxN { get; init; }

    public required int MaxCandidates { get; init; }

    public required bool CanGenerate { get; init; }

    public required bool CanEdit { get; init; }

    public required bool CanVary { get; init; }

    public required bool CanEmbed { get; init; }

    public required DefaultsReply Defaults { get; init; }

    /// <summary>The words that the model knows; null if it does not tell.</summary>
    public IReadOnlyList<string>? Words { get; init; }
}

internal sealed record DefaultsReply(int? Candidates, float? Temperature, int? TopK, float? TopP, float? GuidanceScale)
{
    public int? Steps { get; init; }

    public int? PriorSteps { get; init; }

    public int? UpsamplerSteps { get; init; }

    public float? PriorGuidance { get; init; }
}

internal sealed record ErrorReply(ErrorDetails Error);

internal sealed record ErrorDetails(string Message, string Type, [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Param, string Code);
