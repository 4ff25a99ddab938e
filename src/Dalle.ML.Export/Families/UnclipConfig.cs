using System.Text.Json;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Families;

/// <summary>The part of the <c>config.json</c> of our own DALL·E 2 that the weights alone do not tell.</summary>
internal sealed record UnclipConfig(
    string Name, TextPart Text, UnclipConfig.ClipPart Clip, UnclipConfig.PriorPart Prior, UnclipConfig.UnetPart Decoder,
    UnclipConfig.UnetPart? Upsampler = null)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <exception cref="InvalidDataException">The file is not such a configuration.</exception>
    public static UnclipConfig Read(string path)
    {
        try
        {
            var config = JsonSerializer.Deserialize<UnclipConfig>(TokenizerFile.ReadBytes(path), Json) ?? throw new JsonException("it is null");
            if (config is not { Text: { VocabSize: > 0, Length: > 0 and <= MaxText }, Clip: { ImageSize: > 0 and <= MaxImage, Embedding: > 0 }, Prior.Heads: > 0, Decoder.HeadSize: > 0 })
                throw new JsonException("a size is missing, not positive or too large");
            return config;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException(
                $"'{path}' is not the configuration of a model of the family 'unclip', as onnx/training/export_unclip.py writes it: "
                + $"the value at {exception.Path ?? "$"} is missing or not what it must be.", exception);
        }
    }

    private const int MaxText = 1024;
    private const int MaxImage = 8192;

    public sealed record ClipPart(string File, int Embedding, int ImageSize);

    public sealed record PriorPart(string File, int Heads, int Steps, float Guidance, float Clamp);

    public sealed record UnetPart(string File, int Size, int Steps, int HeadSize, float Guidance = 1);
}
