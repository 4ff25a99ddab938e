using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Api;

/// <summary><c>POST /v1/embeddings</c>: CLIP's embeddings of texts.</summary>
internal sealed class EmbeddingsApi(DalleModel model, ImageRequestReader reader, IOptions<DalleServerOptions> options) : IDisposable
{
    private readonly SemaphoreSlim _turn = new(1);

    public void Dispose() => _turn.Dispose();

    public async Task EmbedAsync(HttpContext context)
    {
        var body = await ApiJson.ReadAsync<EmbeddingsBody>(context.Request).ConfigureAwait(false);
        reader.CheckModel(body.Model);
        if (!model.Info.HasClip)
            throw ApiException.Unsupported($"The model '{model.Info.Name}' has no CLIP, so it embeds nothing.");
        var texts = TextsOf(body.Input);
        var isBase64 = ImageRequestReader.OneOf(body.EncodingFormat, "encoding_format", "float", "base64") == "base64";
        if (body.Dimensions is { } dimensions && dimensions != model.Info.EmbeddingDimension)
            throw ApiException.Invalid("dimensions", $"Embeddings of '{model.Info.Name}' have {model.Info.EmbeddingDimension} dimensions, no other number.");

        await _turn.WaitAsync(context.RequestAborted).ConfigureAwait(false);
        try
        {
            var data = new List<EmbeddingReply>(texts.Length);
            foreach (var text in texts)
            {
                context.RequestAborted.ThrowIfCancellationRequested();
                var values = model.EmbedText(text);
                data.Add(new EmbeddingReply("embedding", data.Count, isBase64 ? Convert.ToBase64String(MemoryMarshal.AsBytes<float>(values)) : values));
            }
            var tokens = model.Info.TextLength > 0 ? texts.Sum(model.CountTokens) : 0;
            await ApiJson.WriteAsync(context, new EmbeddingsReply("list", data, model.Info.Name, new EmbeddingsUsageReply(tokens, tokens))).ConfigureAwait(false);
        }
        finally
        {
            _turn.Release();
        }
    }

    private string[] TextsOf(JsonElement? input)
    {
        string[] texts = input switch
        {
            { ValueKind: JsonValueKind.String } text => [text.GetString()!],
            { ValueKind: JsonValueKind.Array } list when list.EnumerateArray().All(item => item.ValueKind == JsonValueKind.String) =>
                [.. list.EnumerateArray().Select(item => item.GetString()!)],
            null => throw ApiException.Missing("input", "'input' is missing."),
            _ => throw ApiException.Invalid("input", "'input' must be a text or a list of texts; tokens and images are not taken."),
        };
        ImageRequestReader.Between(texts.Length, 1, options.Value.MaxEmbeddingInputs, "the number of inputs");
        return Array.ConvertAll(texts, text => reader.CheckPrompt(text, "input"));
    }
}
