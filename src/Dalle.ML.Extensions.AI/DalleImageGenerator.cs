using System.Drawing;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Dalle.ML.Extensions.AI;

/// <summary>Generates images with a <see cref="DalleModel"/>. Thread-safe.</summary>
/// <remarks>
/// <para>
/// What <see cref="ImageGenerationOptions"/> has no property for goes into its <see cref="ImageGenerationOptions.AdditionalProperties"/>:
/// <c>seed</c> (0 to 2⁶⁴ − 1), <c>candidates</c>, <c>temperature</c>, <c>topK</c>, <c>topP</c>, <c>guidanceScale</c>, and <c>keep</c>
/// (a region as <see cref="KeepRegion.Parse"/> reads it). Others, such as <c>steps</c> or <c>negative_prompt</c>, are refused. Numbers may come as text, with a point
/// before their decimals.
/// </para>
/// <para>
/// A request with an original image is a completion: the region to keep stays, by default the upper half, and the rest is generated.
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
        if (!model.Info.CanGenerate)
            throw new ArgumentException($"The model '{model.Info.Name}' cannot generate images.", nameof(model));
        (_model, _logger, _metadata) = (model, logger ?? NullLogger.Instance, new ImageGeneratorMetadata("dalle-ml", defaultModelId: model.Info.Name));
    }

    /// <summary>Reads the original images; set it to change the limit on their pixels.</summary>
    public ImageReader ImageReader { get; init; } = new();

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The prompt is missing, an option cannot be met, or the original is not one image that can be read.</exception>
    public Task<ImageGenerationResponse> GenerateAsync(
        ImageGenerationRequest request, ImageGenerationOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        if (request.Prompt is null)
            throw new ArgumentException("The request has no prompt.", nameof(request));
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
        };
        var seed = properties.ReadWhole<ulong>("seed") ?? (ulong)Random.Shared.NextInt64(1L << 53);
        var keep = properties.ReadText("keep");
        var original = OriginalImage(request);
        var requests = GenerationRequest.Series(request.Prompt, seed, options?.Count ?? 1);
        return Task.Run(() => Generate(request.Prompt, original, keep, requests, generation, options?.MediaType ?? PngMediaType, cancellationToken), cancellationToken);
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

    private ImageGenerationResponse Generate(
        string prompt, DataContent? original, string? keep, IEnumerable<GenerationRequest> series, GenerationOptions generation, string mediaType,
        CancellationToken cancellationToken)
    {
        var requests = series.ToArray();
        if (original is not null)
        {
            using var image = ImageReader.Read(original);
            var region = keep is null ? KeepRegion.Top(_model.Info.TokenRows / 2) : KeepRegion.Parse(keep);
            var kept = _model.EncodeKnownTokens(image, region);
            requests = Array.ConvertAll(requests, request => request with { KnownTokens = kept });
        }
        else if (keep is not null)
        {
            throw new ArgumentException("The option 'keep' needs an original image.", nameof(keep));
        }

        if (_model.CountCutTokens(prompt) is > 0 and var cut)
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
        var (input, output) = (_model.CountTokens(prompt), (long)_model.Info.TokenRows * _model.Info.TokenColumns * requests.Length);
        return new ImageGenerationResponse(contents)
        {
            Usage = new UsageDetails { InputTokenCount = input, OutputTokenCount = output, TotalTokenCount = input + output },
        };
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The last {Cut} tokens of the prompt were cut: the model '{Model}' reads {Length}.")]
    private partial void LogCut(int cut, string model, int length);

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
