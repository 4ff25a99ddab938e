using System.Text.Json;

namespace Microsoft.ML.Tokenizers;

/// <summary>Reads <c>vocab.json</c>: one object, from tokens to ids.</summary>
internal static class VocabularyFile
{
    public static Dictionary<string, int> Read(Stream stream)
    {
        try
        {
            return JsonSerializer.Deserialize<Dictionary<string, int>>(stream)
                ?? throw new ArgumentException("The vocabulary is empty.", nameof(stream));
        }
        catch (JsonException e)
        {
            throw new ArgumentException($"The vocabulary is not a JSON object from tokens to ids: {e.Message}", nameof(stream), e);
        }
    }
}
