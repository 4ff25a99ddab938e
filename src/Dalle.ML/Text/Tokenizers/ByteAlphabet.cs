namespace Dalle.ML.Text.Tokenizers;

/// <summary>GPT-2's spelling of bytes by characters: those that print stand for themselves, the others for what follows U+0100, in order.</summary>
internal static class ByteAlphabet
{
    private static readonly byte[] Order = [.. Enumerable.Range(0, 256).OrderBy(value => IsPrinting(value) ? 0 : 1).Select(value => (byte)value)];

    private static readonly Dictionary<char, byte> Bytes = Order.Zip(Characters()).ToDictionary(pair => pair.Second, pair => pair.First);

    /// <summary>The characters, first those that print.</summary>
    public static IEnumerable<char> Characters()
    {
        var next = 256;
        return Order.Select(value => IsPrinting(value) ? (char)value : (char)next++);
    }

    /// <summary>The byte that a character stands for; null if it stands for none.</summary>
    public static byte? ByteOf(char character) => Bytes.TryGetValue(character, out var value) ? value : null;

    private static bool IsPrinting(int value) => value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');
}
