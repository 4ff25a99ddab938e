using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>A code page of Windows as browsers read it (WHATWG Encoding): undefined bytes are the characters of their number.</summary>
internal sealed class WindowsEncoding
{
    private readonly char[] _characters = new char[256];
    private readonly Dictionary<char, byte> _bytes = [];

    private WindowsEncoding(int codePage)
    {
        var encoding = CodePagesEncodingProvider.Instance.GetEncoding(codePage)!;
        for (var value = 0; value < _characters.Length; value++)
        {
            var character = encoding.GetChars([(byte)value])[0];
            // .NET marks some undefined bytes by characters of private use.
            _characters[value] = character is >= '\uE000' and <= '\uF8FF' ? (char)value : character;
            _bytes[_characters[value]] = (byte)value;
        }
    }

    /// <summary>Windows-1252, for which Latin-1 is often mistaken.</summary>
    public static WindowsEncoding Western { get; } = new(1252);

    public static WindowsEncoding CentralEuropean { get; } = new(1250);

    public static WindowsEncoding Turkish { get; } = new(1254);

    public static WindowsEncoding Baltic { get; } = new(1257);

    public char Decode(byte value) => _characters[value];

    /// <summary>The byte of a character. Controls count as bytes of their number, as in Latin-1 and its kin.</summary>
    public bool TryEncode(char character, out byte value)
    {
        var isControl = character is >= '\u0080' and <= '\u009F';
        value = isControl ? (byte)character : _bytes.GetValueOrDefault(character);
        return isControl || _bytes.ContainsKey(character);
    }
}
