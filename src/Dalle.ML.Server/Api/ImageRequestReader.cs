using System.Globalization;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary>What images are asked for.</summary>
internal enum ImageUse
{
    /// <summary>Images for a prompt.</summary>
    Generation,

    /// <summary>An image whose part is redrawn for a prompt.</summary>
    Edit,

    /// <summary>Variations of an image, without a prompt.</summary>
    Variation,
}

/// <summary>What a request asks for, checked against the model.</summary>
internal sealed record ImageRequest(
    string Prompt, ulong Seed, int Count, GenerationOptions Options, float? Strength, EncodedFormat Format, bool IsUrl, bool IsStream, int Partials)
{
    /// <summary>Its images, each with its own seed.</summary>
    public IReadOnlyList<GenerationRequest> Series { get; } = [.. GenerationRequest.Series(Prompt, Seed, Count)];
}

/// <summary>Checks requests for images. What the model or the server cannot do is an error that says what they can, never ignored.</summary>
internal sealed class ImageRequestReader(DalleModel model, IOptions<DalleServerOptions> options)
{
    private readonly DalleModelInfo _info = model.Info;
    private readonly DalleServerOptions _options = options.Value;

    /// <summary>Whether the model is one of DALL·E 2, and not one that samples tokens.</summary>
    public bool IsDiffusion => _info.TokenRows == 0;

    /// <summary>The size of the images, as OpenAI writes it.</summary>
    public string Size { get; } = string.Create(CultureInfo.InvariantCulture, $"{model.Info.ImageWidth}x{model.Info.ImageHeight}");

    /// <summary>Most images on the way: one after each row of tokens, or each step of the decoder, but the last.</summary>
    public int MaxPartialImages => Math.Max(0, (IsDiffusion ? _info.Defaults.Diffusion.DecoderSteps ?? 1 : _info.TokenRows) - 1);

    public int MaxCandidates => _info.HasClip ? Math.Min(_options.MaxCandidates, GenerationOptions.MaxCandidates) : 1;

    /// <param name="body">The request.</param>
    /// <param name="use">What it asks for.</param>
    /// <exception cref="ApiException">The request cannot be met.</exception>
    public ImageRequest Read(ImageBody body, ImageUse use)
    {
        CheckModel(body.Model);
        if (!_info.CanGenerate)
            throw ApiException.Unsupported($"The model '{_info.Name}' cannot generate images: it has only CLIP.");
        var prompt = use == ImageUse.Variation ? "" : CheckPrompt(body.Prompt, "prompt");
        if (use == ImageUse.Variation && body.Prompt is not null)
            throw ApiException.Invalid("prompt", "A variation takes no prompt: it follows the image. Leave it out, or edit the image with a mask.", "unknown_parameter");
        if (use != ImageUse.Variation && body.Strength is not null)
            throw ApiException.Invalid("strength", "'strength' is for variations. Leave it out.", "unknown_parameter");
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
        // What CLIP chooses by is the prompt.
        var candidates = use == ImageUse.Variation ? Between(body.Candidates ?? 1, 1, 1, "candidates")
            : Between(body.Candidates ?? _info.Defaults.Candidates ?? 1, 1, MaxCandidates, "candidates");
        var generation = new GenerationOptions { Candidates = candidates, Sampling = SamplingOf(body), Diffusion = DiffusionOf(body) };
        var strength = Valid(body.Strength, body.Strength is null or (>= 0 and <= 1), "strength", "0 to 1");
        return new ImageRequest(
            prompt, body.Seed ?? (ulong)Random.Shared.NextInt64(1L << 53), count, generation, strength, format, isUrl, isStream, partials);
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
        if (IsDiffusion && (body.Temperature, body.TopK, body.TopP) != default)
            throw ApiException.Unsupported($"'temperature', 'top_k' and 'top_p' are for models that sample tokens; '{_info.Name}' is a diffusion model.", "temperature");
        return new SamplingOptions
        {
            Temperature = Valid(body.Temperature, body.Temperature is null or (>= 0 and <= float.MaxValue), "temperature", "0 or more"),
            TopK = Valid(body.TopK, body.TopK is null or >= 0, "top_k", "0 or more"),
            TopP = Valid(body.TopP, body.TopP is null or (> 0 and <= 1), "top_p", "above 0 and at most 1"),
            GuidanceScale = Valid(body.GuidanceScale, body.GuidanceScale is null || float.IsFinite(body.GuidanceScale.Value), "guidance_scale", "a finite number"),
        };
    }

    private DiffusionOptions DiffusionOf(ImageBody body)
    {
        if (!IsDiffusion && (body.Steps, body.PriorSteps, body.UpsamplerSteps, body.PriorGuidance, body.Fast) != default)
        {
            throw ApiException.Unsupported(
                $"'steps', 'prior_steps', 'upsampler_steps', 'prior_guidance' and 'fast' are for diffusion models; '{_info.Name}' samples tokens.", "steps");
        }
        return new DiffusionOptions
        {
            DecoderSteps = Steps(body.Steps, "steps"),
            PriorSteps = Steps(body.PriorSteps, "prior_steps"),
            UpsamplerSteps = Steps(body.UpsamplerSteps, "upsampler_steps"),
            PriorGuidance = Valid(body.PriorGuidance, body.PriorGuidance is null || float.IsFinite(body.PriorGuidance.Value), "prior_guidance", "a finite number"),
            IsFast = body.Fast ?? false,
        };

        int? Steps(int? value, string name) => value is { } steps ? Between(steps, 1, _options.MaxSteps, name) : null;
    }

    private static T Valid<T>(T value, bool isValid, string name, string range) =>
        isValid ? value : throw ApiException.Invalid(name, string.Create(CultureInfo.InvariantCulture, $"'{name}' is {value}; it must be {range}."));
}
