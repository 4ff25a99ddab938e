using System.Globalization;
using Dalle.ML.Server.Scheduling;
using Dalle.ML.Server.Security;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.ML.Data;

namespace Dalle.ML.Server.Api;

/// <summary>The images of OpenAI's API: generations, edits and variations; and the older demo's call.</summary>
internal sealed partial class ImagesApi(
    DalleModel model, ImageRequestReader reader, BatchScheduler scheduler, ImageStore store, Previews previews, IOptions<DalleServerOptions> options,
    TimeProvider clock, ILogger<ImagesApi> logger) : IDisposable
{
    // A decoded upload takes up to four bytes a pixel: one at a time bounds that.
    private readonly SemaphoreSlim _upload = new(1);
    private readonly ImageReader _imageReader = new() { MaxPixels = options.Value.MaxUploadPixels };

    public void Dispose() => _upload.Dispose();

    /// <summary><c>POST /v1/images/generations</c></summary>
    public async Task GenerateAsync(HttpContext context)
    {
        var request = reader.Read(await ApiJson.ReadAsync<ImageBody>(context.Request).ConfigureAwait(false), ImageUse.Generation);
        await AnswerAsync(context, request, request.Series, "image_generation").ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/images/edits</c></summary>
    public async Task EditAsync(HttpContext context)
    {
        var form = await ReadFormAsync(context).ConfigureAwait(false);
        var request = reader.Read(ApiJson.Read<ImageBody>(form), ImageUse.Edit);
        if (!CanEdit(model.Info))
            throw ApiException.Unsupported($"The model '{model.Info.Name}' cannot edit images: it does not encode them into tokens.");
        var (imageFile, maskFile) = (ImageOf(form), FileOf(form, "mask"));
        var images = await WithUploadAsync(() => EditsOf(request, imageFile, maskFile), context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, request, images, "image_edit").ConfigureAwait(false);
    }

    /// <summary><c>POST /v1/images/variations</c></summary>
    public async Task VaryAsync(HttpContext context)
    {
        var form = await ReadFormAsync(context).ConfigureAwait(false);
        if (!model.Info.CanVary)
            throw ApiException.Unsupported($"The model '{model.Info.Name}' makes no variations of an image. Generate several images of a prompt ('n'), or edit the image with a mask.");
        var request = reader.Read(ApiJson.Read<ImageBody>(form), ImageUse.Variation);
        var imageFile = ImageOf(form);
        var images = await WithUploadAsync(
            () =>
            {
                using var image = Read(imageFile, "image");
                return request.Series.Select(each => model.VariationOf(image, each.Seed, request.Strength)).ToArray();
            },
            context.RequestAborted).ConfigureAwait(false);
        await AnswerAsync(context, request, images, "image_variation").ConfigureAwait(false);
    }

    /// <summary><c>POST /generate</c>: the list of PNG images in base64.</summary>
    public async Task GenerateListAsync(HttpContext context)
    {
        var body = await ApiJson.ReadAsync<GenerateBody>(context.Request).ConfigureAwait(false);
        var prompt = reader.CheckPrompt(body.Text, "text");
        var count = ImageRequestReader.Between(body.NumImages ?? 1, 1, options.Value.MaxImagesPerRequest, "num_images");
        var request = reader.Read(new ImageBody { Prompt = prompt, N = count }, ImageUse.Generation);
        using var run = Submit(context, request, request.Series);
        var images = await CollectAsync(run, request, image => Convert.ToBase64String(EncodedFormat.Png.Encode(image.Image)), context.RequestAborted).ConfigureAwait(false);
        await ApiJson.WriteAsync(context, images).ConfigureAwait(false);
    }

    /// <summary><c>GET /v1/images/files/{name}</c></summary>
    public async Task GetStoredAsync(HttpContext context, string name)
    {
        var (data, mediaType) = store.Find(name) ?? throw ApiException.NotFound("The image does not exist, or not any more.");
        context.Response.ContentType = mediaType;
        context.Response.ContentLength = data.Length;
        await context.Response.Body.WriteAsync(data, context.RequestAborted).ConfigureAwait(false);
    }

    /// <summary>A model that samples tokens completes what it has encoded; one of DALL·E 2 paints pixels anew.</summary>
    public static bool CanEdit(DalleModelInfo info) => info is { CanGenerate: true, CanEncode: true } or { CanGenerate: true, TokenRows: 0 };

    private async Task AnswerAsync(HttpContext context, ImageRequest request, IReadOnlyList<GenerationRequest> images, string name)
    {
        using var run = Submit(context, request, images);
        if (request.IsStream)
        {
            await StreamAsync(context, run, request, name).ConfigureAwait(false);
            return;
        }
        var data = await CollectAsync(run, request, image =>
        {
            var file = request.Format.Encode(image.Image);
            var reply = new ImageReply(image.Seed, Finite(image.Score), image.Candidate);
            return request.IsUrl
                ? reply with { Url = $"{context.Request.Scheme}://{context.Request.Host}{context.Request.PathBase}{ImageStore.Route}/{store.Add(file, request.Format)}" }
                : reply with { Base64 = Convert.ToBase64String(file) };
        }, context.RequestAborted).ConfigureAwait(false);
        await ApiJson.WriteAsync(context, new ImagesReply(
            clock.GetUtcNow().ToUnixTimeSeconds(), data, request.Format.Name, reader.Size, "opaque", UsageOf(request, request.Count))
        { Warnings = WarningsOf(request.Prompt) })
            .ConfigureAwait(false);
    }

    private ImageRun Submit(HttpContext context, ImageRequest request, IReadOnlyList<GenerationRequest> images)
    {
        LogRequest(request.Count, request.Options.Candidates!.Value);
        if (options.Value.LogPrompts)
        {
            // On one line: a prompt must not look like other lines of the log.
            var prompt = string.Concat(request.Prompt.Select(character => char.IsControl(character) ? ' ' : character));
            LogPrompt(prompt);
        }
        var previewParts = Enumerable.Range(1, request.Partials).Select(PartOf).ToArray();
        return scheduler.Submit(RequestGuard.ClientOf(context), images, request.Options, previewParts, context.RequestAborted);

        // Whole rows of tokens look best.
        double PartOf(int partial) => reader.IsDiffusion
            ? partial / (request.Partials + 1.0)
            : (double)(partial * model.Info.TokenRows / (request.Partials + 1)) / model.Info.TokenRows;
    }

    /// <summary>The images of a run in the order of the request, each converted as soon as it is there.</summary>
    private static async Task<T[]> CollectAsync<T>(ImageRun run, ImageRequest request, Func<GeneratedImage, T> convert, CancellationToken cancellationToken)
    {
        var results = new T[request.Count];
        await foreach (var happened in run.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            using (happened)
                results[happened.Index] = convert(happened.Image!);
        }
        return results;
    }

    private async Task StreamAsync(HttpContext context, ImageRun run, ImageRequest request, string name)
    {
        await using var events = new EventStream(context);
        var partials = new int[request.Count];
        try
        {
            await foreach (var happened in run.ReadAsync(context.RequestAborted).ConfigureAwait(false))
            {
                using var _ = happened;
                var image = happened.Image;
                using var drawn = image is null && happened.Preview is null ? previews.Decode(happened.Tokens) : null;
                var file = Convert.ToBase64String(request.Format.Encode(image?.Image ?? happened.Preview ?? drawn!));
                var sent = new StreamEvent(
                    image is null ? $"{name}.partial_image" : $"{name}.completed", happened.Index, file, clock.GetUtcNow().ToUnixTimeSeconds(), reader.Size,
                    request.Format.Name, "opaque", "auto");
                sent = image is null
                    ? sent with { PartialImageIndex = partials[happened.Index]++ }
                    : sent with { Seed = image.Seed, Score = Finite(image.Score), Candidate = image.Candidate, Usage = UsageOf(request, 1), Warnings = WarningsOf(request.Prompt) };
                await events.WriteAsync(sent.Type, sent).ConfigureAwait(false);
            }
        }
        catch (Exception exception) when (!context.RequestAborted.IsCancellationRequested)
        {
            // The answer has begun with 200: what went wrong is an event.
            await events.WriteAsync("error", ApiJson.ReplyOf(exception as ApiException ?? ApiException.Failed())).ConfigureAwait(false);
        }
    }

    private async Task<IFormCollection> ReadFormAsync(HttpContext context)
    {
        if (!context.Request.HasFormContentType || context.Request.ContentType?.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase) != true)
            throw ApiException.WrongContentType("multipart/form-data");
        try
        {
            // In memory as a whole: nothing of a request reaches the file system.
            var limit = options.Value.MaxUploadBytes;
            return await context.Request.ReadFormAsync(
                new FormOptions { MemoryBufferThreshold = limit, MultipartBodyLengthLimit = limit, ValueLengthLimit = options.Value.MaxJsonBytes, ValueCountLimit = 64 },
                context.RequestAborted).ConfigureAwait(false);
        }
        catch (InvalidDataException exception)
        {
            throw ApiException.Invalid(null, $"The form cannot be read: {exception.Message}");
        }
    }

    private static IFormFile? FileOf(IFormCollection form, string name)
    {
        if (form.Files.FirstOrDefault(file => file.Name is not ("image" or "image[]" or "mask")) is { } unknown)
            throw ApiException.Invalid(unknown.Name, $"The file '{unknown.Name}' is not known here. Files are 'image' and 'mask'.", "unknown_parameter");
        var files = form.Files.Where(file => file.Name == name || file.Name == name + "[]").ToArray();
        return files.Length > 1 ? throw ApiException.Invalid(name, $"'{name}' is given {files.Length} times; one image can be edited at a time.") : files.SingleOrDefault();
    }

    private static IFormFile ImageOf(IFormCollection form) => FileOf(form, "image") ?? throw ApiException.Missing("image", "The file 'image' is missing.");

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

    /// <summary>The images of an edit: what the mask leaves is known to them.</summary>
    private GenerationRequest[] EditsOf(ImageRequest request, IFormFile imageFile, IFormFile? maskFile)
    {
        using var image = Read(imageFile, "image");
        using var mask = maskFile is null ? null : Read(maskFile, "mask");
        if (mask is not null && (mask.Width, mask.Height) != (image.Width, image.Height))
            throw ApiException.Invalid("mask", $"The mask has {mask.Width} × {mask.Height} pixels, the image {image.Width} × {image.Height}; they must be of one size.");
        if (reader.IsDiffusion)
        {
            RedrawMask.Check(mask ?? image);
            return [.. request.Series.Select(each => model.InpaintingOf(each.Prompt, image, mask ?? image, each.Seed))];
        }
        var known = RedrawMask.Apply(model.EncodeImage(image), mask ?? image, model.Info);
        return [.. request.Series.Select(each => each with { KnownTokens = known })];
    }

    private MLImage Read(IFormFile file, string name)
    {
        using var stream = file.OpenReadStream();
        var bytes = new byte[file.Length];
        stream.ReadExactly(bytes);
        try
        {
            return _imageReader.Read(bytes);
        }
        catch (InvalidDataException exception)
        {
            throw ApiException.Invalid(name, exception.Message, "invalid_image");
        }
    }

    private UsageReply UsageOf(ImageRequest request, int images)
    {
        var (text, output) = (model.CountTokens(request.Prompt), model.Info.TokenRows * model.Info.TokenColumns * images);
        return new UsageReply(text, output, text + output, new UsageDetailsReply(text, 0));
    }

    /// <summary>What the model does not see of a prompt; null if it sees all.</summary>
    private string[]? WarningsOf(string prompt)
    {
        var warnings = new List<string>();
        if (model.CountCutTokens(prompt) is > 0 and var cut)
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"The last {cut} tokens of the prompt were cut: the model reads {model.Info.TextLength}."));
        if (model.FindUnseenWords(prompt) is { Count: > 0 } words)
            warnings.Add($"The model was not trained on these words: {string.Join(", ", words)}.");
        return warnings.Count > 0 ? [.. warnings] : null;
    }

    private static float? Finite(float score) => float.IsFinite(score) ? score : null;

    [LoggerMessage(Level = LogLevel.Information, Message = "{Images} images of {Candidates} candidates were requested.")]
    private partial void LogRequest(int images, int candidates);

    [LoggerMessage(Level = LogLevel.Information, Message = "Prompt: {Prompt}")]
    private partial void LogPrompt(string prompt);
}
