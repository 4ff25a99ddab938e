namespace Microsoft.ML.Tokenizers;

/// <summary>GPT-2's way to write any bytes as printable characters: what prints stays, the other bytes follow from U+0100 on.</summary>
internal static class ByteLevel
{
    private static readonly char[] Chars = MakeChars();
    private static readonly Dictionary<char, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(b => Chars[b], b => (byte)b);

    public static char ToChar(byte value) => Chars[value];

    /// <summary>The bytes of a token; characters that stand for no byte are taken as themselves.</summary>
    public static void Append(List<byte> bytes, string token)
    {
        Span<byte> utf8 = stackalloc byte[4];
        foreach (var rune in token.EnumerateRunes())
        {
            if (rune.IsBmp && Bytes.TryGetValue((char)rune.Value, out byte value))
                bytes.Add(value);
            else
                bytes.AddRange(utf8[..rune.EncodeToUtf8(utf8)]);
        }
    }

    private static char[] MakeChars()
    {
        var chars = new char[256];
        int next = 256;
        for (int b = 0; b < chars.Length; b++)
            chars[b] = b is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ') ? (char)b : (char)next++;
        return chars;
    }
}
