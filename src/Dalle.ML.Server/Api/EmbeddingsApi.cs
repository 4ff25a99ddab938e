using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary><c>POST /v1/embeddings</c>: CLIP's embeddings of texts, and of images, which OpenAI's API does not know, as data URIs.</summary>
internal sealed class EmbeddingsApi(DalleModel model, ImageRequestReader reader, IOptions<DalleServerOptions> options) : IDisposable
{
    private const string ImageStart = "data:image/";
    private const string Base64Mark = ";base64,";

    private readonly SemaphoreSlim _turn = new(1);
    private readonly ImageReader _imageReader = new() { MaxPixels = options.Value.MaxUploadPixels };

    public void Dispose() => _turn.Dispose();

    public async Task EmbedAsync(HttpContext context)
    {
        var body = await ApiJson.ReadAsync<EmbeddingsBody>(context.Request).ConfigureAwait(false);
        reader.CheckModel(body.Model);
        if (!model.Info.HasClip)
            throw ApiException.Unsupported($"The model '{model.Info.Name}' has no CLIP, so it embeds nothing.");
        var inputs = InputsOf(body.Input);
        var isBase64 = ImageRequestReader.OneOf(body.EncodingFormat, "encoding_format", "float", "base64") == "base64";
        if (body.Dimensions is { } dimensions && dimensions != model.Info.EmbeddingDimension)
            throw ApiException.Invalid("dimensions", $"Embeddings of '{model.Info.Name}' have {model.Info.EmbeddingDimension} dimensions, no other number.");

        await _turn.WaitAsync(context.RequestAborted).ConfigureAwait(false);
        try
        {
            var data = new List<EmbeddingReply>(inputs.Length);
            foreach (var input in inputs)
            {
                context.RequestAborted.ThrowIfCancellationRequested();
                var values = IsImage(input) ? EmbedImage(input) : model.EmbedText(input);
                data.Add(new EmbeddingReply("embedding", data.Count, isBase64 ? Convert.ToBase64String(MemoryMarshal.AsBytes<float>(values)) : values));
            }
            var tokens = model.Info.TextLength > 0 ? inputs.Where(input => !IsImage(input)).Sum(model.CountTokens) : 0;
            await ApiJson.WriteAsync(context, new EmbeddingsReply("list", data, model.Info.Name, new EmbeddingsUsageReply(tokens, tokens))).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private static bool IsImage(string input) => input.StartsWith(ImageStart, StringComparison.OrdinalIgnoreCase);

    private float[] EmbedImage(string input)
    {
        var comma = input.IndexOf(Base64Mark, StringComparison.OrdinalIgnoreCase);
        var file = new byte[input.Length];
        if (comma < 0 || !Convert.TryFromBase64Chars(input.AsSpan(comma + Base64Mark.Length), file, out var length))
            throw ApiException.Invalid("input", "An image must be 'data:image/png;base64,' or that of another format, and the base64 of its file.", "invalid_image");
        try
        {
            using var image = _imageReader.Read(file.AsSpan(0, length));
            return model.EmbedImage(image);
        }
        catch (InvalidDataException exception)
        {
            throw ApiException.Invalid("input", exception.Message, "invalid_image");
        }
    }

    private string[] InputsOf(JsonElement? input)
    {
        string[] inputs = input switch
        {
            { ValueKind: JsonValueKind.String } text => [text.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                [.. list.EnumerateArray().Select(item => item.GetString()!)],
            null => throw ApiException.Missing("input", "'input' is missing."),
            _ => throw ApiException.Invalid("input", "'input' must be a text, an image as a data URI, or a list of these; tokens are not taken."),
        };
        ImageRequestReader.Between(inputs.Length, 1, options.Value.MaxEmbeddingInputs, "the number of inputs");
        return Array.ConvertAll(inputs, text => IsImage(text) ? text : reader.CheckPrompt(text, "input"));
    }
}
