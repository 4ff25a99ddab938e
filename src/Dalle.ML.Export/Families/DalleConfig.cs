using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Families;

/// <summary>The part of <c>config.json</c> that the weights alone do not tell. A model whose discrete VAE alone is trained has no transformer.</summary>
internal sealed record DalleConfig(
    string Name, int ImageSize, int Grid, int ImageVocab,
    TextPart Text, DalleConfig.TransformerPart? Transformer, DalleConfig.DvaePart Dvae, DalleConfig.ClipPart? Clip = null,
    string? Words = null, DalleConfig.SamplingPart? Sampling = null)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <summary>With DALL·E's vocabularies.</summary>
    public static DalleConfig Random(string name, int grid, int textLength, int layers, int dim, int heads, bool isSparse = false) => new(
        name, ImageSize: 8 * grid, grid, ImageVocab: 8192, new TextPart(Lowercase: true, VocabSize: 16384, textLength),
        new TransformerPart("transformer", layers, dim, heads, isSparse), new DvaePart("dvae", CodeDim: 32));

    public static DalleConfig Read(string path)
    {
        try
        {
            var config = JsonSerializer.Deserialize<DalleConfig>(TokenizerFile.ReadBytes(path), Json) ?? throw new JsonException("it is null");
            if (config is not { ImageSize: > 0, ImageVocab: > 1, Text.VocabSize: > 0 } or { Transformer.Layers: <= 0 })
                throw new JsonException("a size is missing or not positive");
            if (config.Sampling is { Temperature: < 0 } or { Candidates: < 1 or > GenerationOptions.MaxCandidates })
                throw new JsonException($"'sampling' needs a temperature of at least 0 and 1 to {GenerationOptions.MaxCandidates} candidates");
            return config;
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{path}' is not the configuration of a model of the family 'dalle': {Describe(exception)}", exception);
        }
    }

    /// <summary>Writes it for <see cref="Read"/>.</summary>
    public void Write(string path) => File.WriteAllBytes(path, JsonSerializer.SerializeToUtf8Bytes(this, Json));

    // The serializer's messages name types of .NET, which mean nothing to a reader.
    private static string Describe(JsonException exception) => exception.Message.Contains("Dalle.ML", StringComparison.Ordinal)
        || exception.Message.Contains("System.", StringComparison.Ordinal)
            ? $"the value at {exception.Path ?? "$"} has the wrong type, or a part of it is missing"
            : JsonFault.Describe(exception);

    public sealed record TransformerPart(string File, int Layers, int Dim, int Heads, bool SparseAttention = false);

    public sealed record DvaePart(string File, int CodeDim, bool LogitLaplace = false);

    public sealed record ClipPart(string File, int Embedding);

    /// <summary>Defaults of the bundle; those that are not given are what suits models of this size.</summary>
    public sealed record SamplingPart(float Temperature = 0.5f, float Guidance = 1.2f, int Candidates = 8);
}
