using System.Text;

namespace Dalle.ML.Training.Data;

/// <summary>GPT-2's spelling of bytes as printing characters, of which the tokens of byte-level BPE consist.</summary>
internal static class ByteSymbols
{
    private static readonly string[] Symbols = Spell();

    /// <summary>The symbol of each byte.</summary>
    public static IReadOnlyList<string> All => Symbols;

    /// <summary>The symbols of a word.</summary>
    public static List<string> Of(string word) => [.. Encoding.UTF8.GetBytes(word).Select(value => Symbols[value])];

    // Those that print stand for themselves, the others for characters from U+0100 on.
    private static string[] Spell()
    {
        var next = 256;
        return [.. Enumerable.Range(0, 256)
            .Select(value => value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ') ? value : next++)
            .Select(value => ((char)value).ToString())];
    }
}
