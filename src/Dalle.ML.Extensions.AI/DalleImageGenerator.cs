using System.Drawing;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.ML.Data;

namespace Dalle.ML.Extensions.AI;

/// <summary>Generates images with a <see cref="DalleModel"/>. Thread-safe.</summary>
/// <remarks>
/// <para>
/// What <see cref="ImageGenerationOptions"/> has no property for goes into its <see cref="ImageGenerationOptions.AdditionalProperties"/>:
/// <c>seed</c> (0 to 2⁶⁴ − 1), <c>candidates</c>, <c>temperature</c>, <c>topK</c>, <c>topP</c>, <c>guidanceScale</c>, and <c>keep</c>
/// (a region as <see cref="KeepRegion.Parse"/> reads it). For DALL·E 2 models there are <c>mask</c> (an image), <c>strength</c>, <c>priorSteps</c>, <c>decoderSteps</c>,
/// <c>upsamplerSteps</c>, <c>priorGuidance</c> and <c>fast</c>. Others, such as <c>steps</c> or <c>negative_prompt</c>, are refused, and so is what the model does not
/// have. Numbers may come as text, with a point before their decimals.
/// </para>
/// <para>
/// A request with an original image is an edit. Models that sample image tokens complete it: the region to keep stays, by default the upper half,
/// and the rest is generated. DALL·E 2 models paint a part anew for the prompt: what is white or transparent in the mask, or without a mask
/// transparent in the original. Where nothing says which part, or there is no prompt, they generate a variation, whose decoder reads the prompt if there is one.
/// The original is JPEG, PNG, WebP, BMP or GIF data, as <see cref="ImageReader"/> reads it.
/// </para>
/// <para>
/// Images are PNG data, or JPEG where <see cref="ImageGenerationOptions.MediaType"/> is <c>image/jpeg</c>; their <see cref="AIContent.AdditionalProperties"/> hold <c>seed</c>, <c>candidate</c>,
/// <c>score</c> and <c>cutTokens</c>, the number of text tokens at the end of the prompt that the model did not see.
/// </para>
/// </remarks>
public sealed partial class DalleImageGenerator : IImageGenerator
{
    private const string PngMediaType = "image/png";
    private const string JpegMediaType = "image/jpeg";

    private readonly DalleModel _model;
    private readonly ILogger _logger;
    private readonly ImageGeneratorMetadata _metadata;

    /// <summary>Creates a generator, which disposes the model when it is disposed itself.</summary>
    /// <param name="model">The model.</param>
    /// <param name="logger">Receives a warning of a prompt that is cut; none if null.</param>
    /// <exception cref="ArgumentException">The model cannot generate.</exception>
    public DalleImageGenerator(DalleModel model, ILogger? logger = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (model.Info is { CanGenerate: false, CanVary: false })
            throw new ArgumentException($"The model '{model.Info.Name}' cannot generate images.", nameof(model));
        (_model, _logger, _metadata) = (model, logger ?? NullLogger.Instance, new ImageGeneratorMetadata("dalle-ml", defaultModelId: model.Info.Name));
    }

    /// <summary>Reads the original images; set it to change the limit on their pixels.</summary>
    public ImageReader ImageReader { get; init; } = new();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The prompt is missing, an option cannot be met, or the original is not one image that can be read.</exception>
    /// <exception cref="NotSupportedException">The model does not have what the request or an option needs.</exception>
    public Task<ImageGenerationResponse> GenerateAsync(
        ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        var original = OriginalImage(request);
        var isDiffusion = _model.Info.CanDecodeImageEmbedding;
        if (request.Prompt is null && !(isDiffusion && original is not null))
            throw new ArgumentException("The request has no prompt.", nameof(request));
        var prompt = request.Prompt ?? "";
        CheckOptions(options);
        var properties = new OptionReader(options?.AdditionalProperties);
        var generation = new GenerationOptions
        {
            Candidates = properties.ReadWhole<int>("candidates"),
            Sampling = new SamplingOptions
            {
                Temperature = properties.ReadNumber("temperature"),
                GuidanceScale = properties.ReadNumber("guidanceScale"),
                TopK = properties.ReadWhole<int>("topK"),
                TopP = properties.ReadNumber("topP"),
            },
            Diffusion = new DiffusionOptions
            {
                PriorSteps = properties.ReadWhole<int>("priorSteps"),
                DecoderSteps = properties.ReadWhole<int>("decoderSteps"),
                UpsamplerSteps = properties.ReadWhole<int>("upsamplerSteps"),
                PriorGuidance = properties.ReadNumber("priorGuidance"),
                IsFast = properties.ReadSwitch("fast"),
            },
        };
        var seed = properties.ReadWhole<ulong>("seed") ?? (ulong)Random.Shared.NextInt64(1L << 53);
        var (keep, strength, mask) = (properties.ReadText("keep"), properties.ReadNumber("strength"), properties.ReadImage("mask"));
        foreach (var (name, isSet, isKnown) in new[] { ("keep", keep is not null, !isDiffusion), ("strength", strength is not null, isDiffusion), ("mask", mask is not null, isDiffusion) })
        {
            if (isSet && !isKnown)
                throw new ArgumentException($"The option '{name}' is for {(isDiffusion ? "models that sample image tokens" : "DALL·E 2 models")}; '{_model.Info.Name}' is not one. Leave it out.", nameof(options));
            if (isSet && original is null)
                throw new ArgumentException($"The option '{name}' needs an original image.", nameof(options));
        }
        if (mask is not null && string.IsNullOrWhiteSpace(prompt))
            throw new ArgumentException("The option 'mask' needs a prompt, which says what to paint.", nameof(options));
        var series = GenerationRequest.Series(prompt, seed, options?.Count ?? 1).ToArray();
        return Task.Run(() => Generate(prompt, Requests(), generation, options?.MediaType ?? PngMediaType, cancellationToken), cancellationToken);

        GenerationRequest[] Requests() => original is null ? series
            : isDiffusion ? RequestsOfPixels(original, mask, strength, series)
            : RequestsOfTokens(original, keep, series);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ImageGeneratorMetadata) ? _metadata
            : serviceType == typeof(DalleModel) ? _model
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <inheritdoc/>
    public void Dispose() => _model.Dispose();

    /// <summary>Completions: a region of image tokens is kept.</summary>
    private GenerationRequest[] RequestsOfTokens(DataContent original, string? keep, GenerationRequest[] series)
    {
        using var image = ImageReader.Read(original);
        var region = keep is null ? KeepRegion.Top(_model.Info.TokenRows / 2) : KeepRegion.Parse(keep);
        var kept = _model.EncodeKnownTokens(image, region);
        return Array.ConvertAll(series, request => request with { KnownTokens = kept });
    }

    /// <summary>Inpaintings where a part is to be painted, variations where none is.</summary>
    private GenerationRequest[] RequestsOfPixels(DataContent original, DataContent? mask, float? strength, GenerationRequest[] series)
    {
        using var image = ImageReader.Read(original);
        using var painted = mask is null ? null : ImageReader.Read(mask);
        var (prompt, seed) = (string.IsNullOrWhiteSpace(series[0].Prompt) ? "" : series[0].Prompt, series[0].Seed);
        var isPainted = prompt.Length > 0 && (painted is not null || HasHole(image));
        if (isPainted && strength is not null)
            throw new ArgumentException("The option 'strength' is for variations; with a mask or transparent pixels a part is painted anew. Leave it out.", nameof(strength));
        var first = isPainted ? _model.InpaintingOf(prompt, image, painted ?? image, seed) : _model.VariationOf(image, seed, strength) with { Prompt = prompt };
        return Array.ConvertAll(series, request => first with { Seed = request.Seed });
    }

    /// <summary>Whether a part of an image is more transparent than opaque.</summary>
    private static bool HasHole(MLImage image)
    {
        var pixels = image.Pixels;
        var hasHole = false;
        for (var alpha = 3; alpha < pixels.Length && !hasHole; alpha += 4)
            hasHole = pixels[alpha] < 128;
        // A span of pixels does not keep its image: the collector may free them while they are read.
        GC.KeepAlive(image);
        return hasHole;
    }

    private ImageGenerationResponse Generate(
        string prompt, GenerationRequest[] requests, GenerationOptions generation, string mediaType, CancellationToken cancellationToken)
    {
        CheckOptions(requests, generation);
        if (prompt.Length > 0 && _model.CountCutTokens(prompt) is > 0 and var cut)
            LogCut(cut, _model.Info.Name, _model.Info.TextLength);
        var contents = new List<AIContent>();
        foreach (var image in _model.GenerateBatch(requests, generation, progress: null, cancellationToken))
        {
            using (image)
            {
                contents.Add(new DataContent(mediaType == JpegMediaType ? image.Image.ToJpeg() : image.Image.ToPng(), mediaType)
                {
                    AdditionalProperties = new() { ["seed"] = image.Seed, ["candidate"] = image.Candidate, ["score"] = image.Score, ["cutTokens"] = image.CutTokens },
                });
            }
        }
        var (input, output) = (prompt.Length == 0 ? 0 : _model.CountTokens(prompt), (long)_model.Info.TokenRows * _model.Info.TokenColumns * requests.Length);
        return new ImageGenerationResponse(contents)
        {
            Usage = new UsageDetails { InputTokenCount = input, OutputTokenCount = output, TotalTokenCount = input + output },
        };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The last {Cut} tokens of the prompt were cut: the model '{Model}' reads {Length}.")]
    private partial void LogCut(int cut, string model, int length);

    /// <summary>Refuses what the model cannot honour by the names that the properties have here.</summary>
    private void CheckOptions(GenerationRequest[] requests, GenerationOptions generation)
    {
        try
        {
            _model.CheckOptions(requests, generation);
        }
        catch (DalleOptionException exception)
        {
            var name = exception.Option == nameof(DiffusionOptions.IsFast) ? "fast" : JsonNamingPolicy.CamelCase.ConvertName(exception.Option);
            throw new NotSupportedException(exception.Message.Replace(exception.Option, name, StringComparison.Ordinal), exception);
        }
    }

    private void CheckOptions(ImageGenerationOptions? options)
    {
        var info = _model.Info;
        if (options?.Count is < 1)
            throw new ArgumentException($"Count is {options.Count}; it must be at least 1.", nameof(options));
        if (options?.ModelId is { } id && id != info.Name)
            throw new ArgumentException($"The model '{id}' is not loaded; the loaded model is '{info.Name}'.", nameof(options));
        if (options?.ImageSize is { } size && size != new Size(info.ImageWidth, info.ImageHeight))
            throw new ArgumentException($"Images of {size.Width} × {size.Height} were requested; the model '{info.Name}' generates {info.ImageWidth} × {info.ImageHeight}.", nameof(options));
        if (options?.MediaType is { } type && type is not (PngMediaType or JpegMediaType))
            throw new ArgumentException($"Images of type '{type}' were requested; supported are '{PngMediaType}' and '{JpegMediaType}'.", nameof(options));
        if (options?.ResponseFormat is { } format && format != ImageGenerationResponseFormat.Data)
            throw new ArgumentException($"The response format {format} was requested; images are generated locally and returned as data only.", nameof(options));
    }

    private static DataContent? OriginalImage(ImageGenerationRequest request) => request.OriginalImages?.ToArray() switch
    {
        null or [] => null,
        [DataContent image] when image.HasTopLevelMediaType("image") => image,
        _ => throw new ArgumentException("An edit takes one original image, as data.", nameof(request)),
    };
}
