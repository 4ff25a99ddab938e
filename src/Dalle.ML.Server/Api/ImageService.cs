using System.Globalization;
using System.Text.Json;
using Dalle.ML.Server.Scheduling;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.ML.Data;

namespace Dalle.ML.Server.Api;

/// <summary>Starts the images of a request, whatever protocol it came by, and reads the images that it was given.</summary>
internal sealed partial class ImageService(
    DalleModel model, ImageRequestReader reader, BatchScheduler scheduler, IOptions<DalleServerOptions> options, ILogger<ImageService> logger) : IDisposable
{
    // A decoded upload takes up to four bytes a pixel: one at a time bounds that.
    private readonly SemaphoreSlim _upload = new(1);
    private readonly ImageReader _imageReader = new() { MaxPixels = options.Value.MaxUploadPixels };

    public void Dispose() => _upload.Dispose();

    /// <summary>A model that samples tokens completes what it has encoded; one of DALL·E 2 paints pixels anew.</summary>
    public static bool CanEdit(DalleModelInfo info) => info is { CanGenerate: true, CanEncode: true } or { CanGenerate: true, TokenRows: 0 };

    /// <exception cref="ApiException">The model cannot edit images.</exception>
    public void CheckCanEdit()
    {
        if (!CanEdit(model.Info))
            throw ApiException.Unsupported($"The model '{model.Info.Name}' cannot edit images: it does not encode them into tokens.");
    }

    /// <exception cref="ApiException">The model cannot vary images.</exception>
    public void CheckCanVary()
    {
        if (!model.Info.CanVary)
            throw ApiException.Unsupported($"The model '{model.Info.Name}' makes no variations of an image. Generate several images of a prompt ('n'), or edit the image with a mask.");
    }

    /// <summary>Puts images into the queue; the caller reads and disposes the run.</summary>
    /// <param name="client">Whose turn they use.</param>
    /// <param name="request">What was asked for.</param>
    /// <param name="images">Its images.</param>
    /// <param name="progress">Is told the part of the work that is done, 0 to 1; it must not wait.</param>
    /// <param name="cancellationToken">Is cancelled when the client leaves.</param>
    public ImageRun Start(string client, ImageRequest request, IReadOnlyList<GenerationRequest> images, IProgress<double>? progress, CancellationToken cancellationToken)
    {
        CheckOptions(images, request.Options);
        LogRequest(request.Count, request.Options.Candidates!.Value);
        if (options.Value.LogPrompts)
        {
            // On one line: a prompt must not look like other lines of the log.
            var prompt = string.Concat(request.Prompt.Select(character => char.IsControl(character) ? ' ' : character));
            LogPrompt(prompt);
        }
        var previewParts = Enumerable.Range(1, request.Partials).Select(PartOf).ToArray();
        return scheduler.Submit(client, images, request.Options, previewParts, cancellationToken, progress);

        // Whole rows of tokens look best.
        double PartOf(int partial) => reader.IsDiffusion
            ? partial / (request.Partials + 1.0)
            : (double)(partial * model.Info.TokenRows / (request.Partials + 1)) / model.Info.TokenRows;
    }

    /// <summary>The images of an edit: what the mask or the region leaves is known to them.</summary>
    /// <param name="request">What was asked for.</param>
    /// <param name="imageFile">The image.</param>
    /// <param name="maskFile">A mask of the image's size; if there is neither it nor a region, the image's own alpha is the mask.</param>
    /// <param name="region">A part of the image, instead of a mask.</param>
    /// <param name="cancellationToken">Is cancelled when the client leaves.</param>
    /// <exception cref="ApiException">An image cannot be read, or nothing is to be redrawn.</exception>
    public Task<GenerationRequest[]> EditsAsync(ImageRequest request, byte[] imageFile, byte[]? maskFile, EditRegion? region, CancellationToken cancellationToken) =>
        WithUploadAsync(
            () =>
            {
                using var image = Read(imageFile, "image");
                using var mask = maskFile is not null ? Read(maskFile, "mask") : region?.ToMask(image.Width, image.Height);
                if (mask is not null && (mask.Width, mask.Height) != (image.Width, image.Height))
                    throw ApiException.Invalid("mask", $"The mask has {mask.Width} × {mask.Height} pixels, the image {image.Width} × {image.Height}; they must be of one size.");
                if (reader.IsDiffusion)
                {
                    RedrawMask.Check(mask ?? image);
                    var first = model.InpaintingOf(request.Prompt, image, mask ?? image, request.Seed);
                    return request.Series.Select(each => first with { Seed = each.Seed }).ToArray();
                }
                var known = RedrawMask.Apply(model.EncodeImage(image), mask ?? image, model.Info);
                return [.. request.Series.Select(each => each with { KnownTokens = known })];
            },
            cancellationToken);

    /// <summary>The images of variations.</summary>
    /// <exception cref="ApiException">The image cannot be read.</exception>
    public Task<GenerationRequest[]> VariationsAsync(ImageRequest request, byte[] imageFile, CancellationToken cancellationToken) =>
        WithUploadAsync(
            () =>
            {
                using var image = Read(imageFile, "image");
                var first = model.VariationOf(image, request.Seed, request.Strength);
                return request.Series.Select(each => first with { Seed = each.Seed }).ToArray();
            },
            cancellationToken);

    /// <summary>What the model does not see of a prompt; null if it sees all.</summary>
    public string[]? WarningsOf(string prompt)
    {
        var warnings = new List<string>();
        if (model.CountCutTokens(prompt) is > 0 and var cut)
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"The last {cut} tokens of the prompt were cut: the model reads {model.Info.TextLength}."));
        if (model.FindUnseenWords(prompt) is { Count: > 0 } words)
            warnings.Add($"The model was not trained on these words: {string.Join(", ", words)}.");
        return warnings.Count > 0 ? [.. warnings] : null;
    }

    /// <summary>A score as JSON can tell it: null without CLIP.</summary>
    public static float? Finite(float score) => float.IsFinite(score) ? score : null;

    /// <summary>Refuses fields that the model cannot honour, by their names.</summary>
    private void CheckOptions(IReadOnlyList<GenerationRequest> images, GenerationOptions options)
    {
        try
        {
            model.CheckOptions(images, options);
        }
        catch (DalleOptionException exception)
        {
            var field = FieldOf(exception.Option);
            throw ApiException.Unsupported(exception.Message.Replace(exception.Option, field, StringComparison.Ordinal), field);
        }
        catch (ArgumentOutOfRangeException exception) when (exception.ParamName is { } option)
        {
            var field = FieldOf(option);
            throw ApiException.Invalid(field, exception.Message.Split('\n')[0].Split(" (Parameter")[0].Replace(option, field, StringComparison.Ordinal));
        }
    }

    private static string FieldOf(string option) => option switch
    {
        nameof(DiffusionOptions.DecoderSteps) => "steps",
        nameof(DiffusionOptions.IsFast) => "fast",
        _ => JsonNamingPolicy.SnakeCaseLower.ConvertName(option),
    };

    /// <summary>Decodes uploads one request at a time.</summary>
    private async Task<T> WithUploadAsync<T>(Func<T> decode, CancellationToken cancellationToken)
    {
        await _upload.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return decode();
        }
        finally
        {
            _upload.Release();
        }
    }

    private MLImage Read(byte[] file, string name)
    {
        try
        {
            return _imageReader.Read(file);
        }
        catch (InvalidDataException exception)
        {
            throw ApiException.Invalid(name, exception.Message, "invalid_image");
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Images} images of {Candidates} candidates were requested.")]
    private partial void LogRequest(int images, int candidates);

    [LoggerMessage(Level = LogLevel.Information, Message = "Prompt: {Prompt}")]
    private partial void LogPrompt(string prompt);
}
