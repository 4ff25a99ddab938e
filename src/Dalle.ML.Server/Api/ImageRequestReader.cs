using System.Globalization;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary>What a request asks for, checked against the model.</summary>
internal sealed record ImageRequest(
    string Prompt, ulong Seed, int Count, int Candidates, SamplingOptions Sampling, EncodedFormat Format, bool IsUrl, bool IsStream, int Partials)
{
    public IReadOnlyList<GenerationRequest> Series(int[]? knownTokens) =>
        [.. GenerationRequest.Series(Prompt, Seed, Count).Select(request => request with { KnownTokens = knownTokens })];
}

/// <summary>Checks requests for images. What the model or the server cannot do is an error that says what they can, never ignored.</summary>
internal sealed class ImageRequestReader(DalleModel model, IOptions<DalleServerOptions> options)
{
    private readonly DalleModelInfo _info = model.Info;
    private readonly DalleServerOptions _options = options.Value;

    /// <summary>The size of the images, as OpenAI writes it.</summary>
    public string Size { get; } = string.Create(CultureInfo.InvariantCulture, $"{model.Info.ImageWidth}x{model.Info.ImageHeight}");

    /// <summary>Most images on the way: one after each row of tokens but the last.</summary>
    public int MaxPartialImages => Math.Max(0, _info.TokenRows - 1);

    public int MaxCandidates => _info.HasClip ? Math.Min(_options.MaxCandidates, GenerationOptions.MaxCandidates) : 1;

    /// <exception cref="ApiException">The request cannot be met.</exception>
    public ImageRequest Read(ImageBody body)
    {
        CheckModel(body.Model);
        if (!_info.CanGenerate)
            throw ApiException.Unsupported($"The model '{_info.Name}' cannot generate images: it has only CLIP.");
        var prompt = CheckPrompt(body.Prompt, "prompt");
        var count = Between(body.N ?? 1, 1, _options.MaxImagesPerRequest, "n");
        if (body.Size is { } size && size != "auto" && size != Size)
            throw ApiException.Invalid("size", $"The model '{_info.Name}' has no images of size '{size}'; sizes are '{Size}' and 'auto'.");
        var isUrl = OneOf(body.ResponseFormat, "response_format", "b64_json", "url") == "url";
        var format = EncodedFormat.Find(OneOf(body.OutputFormat, "output_format", "png", "jpeg", "webp"));
        if (body.OutputCompression is { } quality)
        {
            if (!format.HasQuality)
                throw ApiException.Invalid("output_compression", "'output_compression' is for jpeg and webp; png loses nothing.");
            format = format with { Quality = Between(quality, 0, 100, "output_compression") };
        }
        OneOf(body.Background, "background", "auto", "opaque");
        OneOf(body.Quality, "quality", "auto", "standard");
        OneOf(body.Moderation, "moderation", "auto", "low");
        var isStream = body.Stream ?? false;
        if (isStream && isUrl)
            throw ApiException.Invalid("response_format", "A stream sends images as b64_json.");
        var partials = Between(body.PartialImages ?? 0, 0, MaxPartialImages, "partial_images");
        if (partials > 0 && !isStream)
            throw ApiException.Invalid("partial_images", "'partial_images' is for a stream; set 'stream' to true.");
        var candidates = Between(body.Candidates ?? _info.Defaults.Candidates ?? 1, 1, MaxCandidates, "candidates");
        return new ImageRequest(
            prompt, body.Seed ?? (ulong)Random.Shared.NextInt64(1L << 53), count, candidates, SamplingOf(body), format, isUrl, isStream, partials);
    }

    public string CheckPrompt(string? prompt, string name) =>
        string.IsNullOrWhiteSpace(prompt) ? throw ApiException.Missing(name, $"'{name}' is missing or empty.")
        : prompt.Length > _options.MaxPromptLength ? throw ApiException.Invalid(name, $"'{name}' has {prompt.Length} characters, more than {_options.MaxPromptLength}.")
        : prompt;

    public void CheckModel(string? name)
    {
        if (name is not null && name != _info.Name)
            throw ApiException.UnknownModel(name, _info.Name);
    }

    public static int Between(int value, int least, int most, string name) =>
        value >= least && value <= most ? value
        : throw ApiException.Invalid(name, $"'{name}' is {value}; it must be " + (least == most ? $"{least} here." : $"{least} to {most}."));

    /// <returns>The value, the first of the allowed ones if it is absent.</returns>
    public static string OneOf(string? value, string name, params string[] allowed) =>
        value is null ? allowed[0]
        : allowed.Contains(value) ? value
        : throw ApiException.Invalid(name, $"'{name}' is '{value}'; it must be {string.Join(" or ", allowed)}.");

    private SamplingOptions SamplingOf(ImageBody body)
    {
        // A model of DALL·E 2 samples no tokens: of these it knows guidance alone.
        if (_info.TokenRows == 0 && (body.Temperature, body.TopK, body.TopP) != default)
            throw ApiException.Unsupported($"'temperature', 'top_k' and 'top_p' are for models that sample tokens; '{_info.Name}' is a diffusion model.", "temperature");
        return new SamplingOptions
        {
            Temperature = Valid(body.Temperature, body.Temperature is null or (>= 0 and <= float.MaxValue), "temperature", "0 or more"),
            TopK = Valid(body.TopK, body.TopK is null or >= 0, "top_k", "0 or more"),
            TopP = Valid(body.TopP, body.TopP is null or (> 0 and <= 1), "top_p", "above 0 and at most 1"),
            GuidanceScale = Valid(body.GuidanceScale, body.GuidanceScale is null || float.IsFinite(body.GuidanceScale.Value), "guidance_scale", "a finite number"),
        };
    }

    private static T Valid<T>(T value, bool isValid, string name, string range) =>
        isValid ? value : throw ApiException.Invalid(name, string.Create(CultureInfo.InvariantCulture, $"'{name}' is {value}; it must be {range}."));
}
