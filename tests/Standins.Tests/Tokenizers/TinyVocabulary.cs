using System.Text;
using System.Text.Json;

namespace Standins.Tests.Tokenizers;

/// <summary>The files of a byte pair encoding of a few words, in the format of GPT-2.</summary>
internal static class TinyVocabulary
{
    /// <summary>Ġ is the byte-level spelling of a space, Ã and © together are the bytes of é.</summary>
    public static readonly string[] Tokens =
        ["l", "o", "w", "e", "r", "n", "s", "t", "Ġ", "Ã", "©", "lo", "low", "er", "Ġlow", "est", "es", "ne", "new", "er<", "lower", "!"];

    public static readonly string[] Merges = ["l o", "lo w", "e r", "Ġ low", "e s", "es t", "n e", "ne w", "low er"];

    public static int Id(string token) => Array.IndexOf(Tokens, token);

    public static int[] Ids(params string[] tokens) => [.. tokens.Select(Id)];

    public static Dictionary<string, int> Vocabulary(params string[] more) =>
        Tokens.Concat(more).Select((token, id) => (token, id)).ToDictionary(t => t.token, t => t.id);

    public static Stream VocabularyFile() => new MemoryStream(JsonSerializer.SerializeToUtf8Bytes(Vocabulary()));

    public static Stream MergesFile() => File("#version: 0.2\n" + string.Join('\n', Merges) + "\n");

    public static Stream File(string text) => new MemoryStream(Encoding.UTF8.GetBytes(text));
}
