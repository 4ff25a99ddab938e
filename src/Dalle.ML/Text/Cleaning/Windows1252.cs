namespace Dalle.ML.Text.Cleaning;

/// <summary>Windows-1252 as browsers read it (WHATWG Encoding): bytes that it does not define are control characters.</summary>
internal static class Windows1252
{
    // Bytes 80 to 9F; all others are the characters of their number.
    private const string Upper = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008DŽ\u008F\u0090‘’“”•–—˜™š›œ\u009DžŸ";

    public static char Decode(byte value) => value is >= 0x80 and <= 0x9F ? Upper[value - 0x80] : (char)value;

    /// <summary>The byte of a character, in Windows-1252 or Latin-1.</summary>
    public static bool TryEncode(char character, out byte value)
    {
        var upper = Upper.IndexOf(character, StringComparison.Ordinal);
        value = upper >= 0 ? (byte)(0x80 + upper) : (byte)character;
        return upper >= 0 || character <= '\u00FF';
    }
}
