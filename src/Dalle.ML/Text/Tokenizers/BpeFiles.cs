using System.Text.Json;
using System.Text.Json.Serialization;
using Dalle.ML.Bundles;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>The ids of tokens, and the pairs that merge into them, the first of them first.</summary>
internal sealed record BpeFiles(Dictionary<string, int> Vocabulary, List<string> Merges)
{
    // CLIP's list of merges as it comes.
    private const int ClipMerges = 49152 - 256 - 2;

    // Far above every token of a tokenizer: so many ids of the longest one are still a text.
    public const int MaxTokenLength = 4096;

    /// <summary>GPT-2's two files: a JSON object of ids by token, and pairs line by line.</summary>
    /// <exception cref="InvalidDataException">A file is not of this form.</exception>
    public static BpeFiles Read(string vocabulary, string merges)
    {
        try
        {
            var ids = JsonSerializer.Deserialize(TokenizerFile.ReadBytes(vocabulary), BpeJson.Default.DictionaryStringInt32)
                ?? throw new JsonException("it is null");
            if (ids.Keys.FirstOrDefault(token => token.Length > MaxTokenLength) is { } token)
                throw new InvalidDataException($"'{Path.GetFileName(vocabulary)}' has a token of {token.Length} characters; at most {MaxTokenLength} are allowed");
            return new BpeFiles(ids, ReadMerges(merges, int.MaxValue, hasTitle: false));
        }
        catch (JsonException exception)
        {
            var file = Path.GetFileName(vocabulary);
            throw new InvalidDataException($"'{file}' is not a JSON object from tokens to ids: {Describe(exception)}", exception);
        }
    }

    /// <summary>
    /// OpenAI's one file, which CLIP's ids follow from: bytes, bytes that end a word, merges in their order, marks of start and end.
    /// </summary>
    /// <exception cref="InvalidDataException">The file is not of this form.</exception>
    public static BpeFiles ReadClip(string merges)
    {
        var pairs = ReadMerges(merges, ClipMerges, hasTitle: true);
        string[] symbols = [.. ByteAlphabet.Characters().Select(character => character.ToString())];
        string[] tokens =
        [
            .. symbols,
            .. symbols.Select(symbol => symbol + "</w>"),
            .. pairs.Select(pair => pair.Replace(" ", "", StringComparison.Ordinal)),
            ClipBpe.StartOfText,
            ClipBpe.EndOfText,
        ];
        var vocabulary = new Dictionary<string, int>();
        foreach (var (id, token) in tokens.Index())
            vocabulary[token] = id;
        return new BpeFiles(vocabulary, pairs);
    }

    // The serializer's messages name types of .NET, which mean nothing to a reader.
    private static string Describe(JsonException exception) => exception.Message.Contains("System.", StringComparison.Ordinal)
        ? $"the value at {exception.Path ?? "$"} is not a whole number"
        : JsonFault.Describe(exception);

    /// <param name="path">The file.</param>
    /// <param name="most">Number of merges after which the rest is ignored.</param>
    /// <param name="hasTitle">Whether the first line may be a title in quotes, as in OpenAI's list.</param>
    private static List<string> ReadMerges(string path, int most, bool hasTitle)
    {
        var merges = new List<string>();
        using var reader = new StreamReader(new MemoryStream(TokenizerFile.ReadBytes(path)));
        for (var number = 1; merges.Count < most && reader.ReadLine() is { } line; number++)
        {
            var isHeader = number == 1 && (line.Contains("#version", StringComparison.Ordinal) || (hasTitle && line.StartsWith('"')));
            if (isHeader || line.Length == 0)
                continue;
            if (line.Split(' ') is not [{ Length: > 0 }, { Length: > 0 }] || line.Length > MaxTokenLength)
                throw new InvalidDataException($"line {number} of '{Path.GetFileName(path)}' is not two tokens with a space between them");
            merges.Add(line);
        }
        return merges;
    }
}

[JsonSerializable(typeof(Dictionary<string, int>))]
internal sealed partial class BpeJson : JsonSerializerContext;
