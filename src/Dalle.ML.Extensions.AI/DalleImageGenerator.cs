using System.Drawing;
using Microsoft.Extensions.AI;

namespace Dalle.ML.Extensions.AI;

/// <summary>Generates images with a <see cref="DalleModel"/>. Thread-safe.</summary>
/// <remarks>
/// <para>
/// What <see cref="ImageGenerationOptions"/> has no property for goes into its <see cref="ImageGenerationOptions.AdditionalProperties"/>:
/// <c>seed</c> (0 to 2⁶⁴ − 1), <c>candidates</c>, <c>temperature</c>, <c>topK</c>, <c>topP</c>, <c>guidanceScale</c>, and <c>keep</c>
/// (a region as <see cref="KeepRegion.Parse"/> reads it).
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
public sealed class DalleImageGenerator : IImageGenerator
{
    private const string PngMediaType = "image/png";
    private const string JpegMediaType = "image/jpeg";

    private readonly DalleModel _model;
    private readonly ImageGeneratorMetadata _metadata;

    /// <summary>Creates a generator, which disposes the model when it is disposed itself.</summary>
    /// <param name="model">The model.</param>
    /// <exception cref="ArgumentException">The model cannot generate.</exception>
    public DalleImageGenerator(DalleModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        if (!model.Info.CanGenerate)
            throw new ArgumentException($"The model '{model.Info.Name}' cannot generate images.", nameof(model));
        (_model, _metadata) = (model, new ImageGeneratorMetadata("dalle-ml", defaultModelId: model.Info.Name));
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
            Candidates = properties.Read<int>("candidates"),
            Sampling = new SamplingOptions
            {
                Temperature = properties.Read<float>("temperature"),
                GuidanceScale = properties.Read<float>("guidanceScale"),
                TopK = properties.Read<int>("topK"),
                TopP = properties.Read<float>("topP"),
            },
        };
        var seed = properties.Read<ulong>("seed") ?? (ulong)Random.Shared.NextInt64(1L << 53);
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
