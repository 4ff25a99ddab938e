using System.Runtime.InteropServices;
using System.Text;

namespace Dalle.ML.Prompts;

/// <summary>
/// Reads UTF-8 text line by line, and knows the line of bytes that are not UTF-8. A reader of text decodes ahead, and could not tell; but the
/// end of a line is never part of a character, so that each line can be decoded alone. Lines end with LF or CR LF, in plain text also with CR.
/// </summary>
internal static class Utf8Lines
{
    /// <summary>In bytes, far beyond any prompt: a longer line is not text, and must not fill the memory.</summary>
    public const int LongestLine = 1 << 24;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The lines with their numbers, from 1, and with their ends. A byte order mark is skipped.</summary>
    /// <param name="stream">The text.</param>
    /// <param name="endsAtCR">Whether CR alone ends a line; in a table it is part of a value.</param>
    /// <exception cref="FormatException">A line is not text; the message begins with the line.</exception>
    public static IEnumerable<(int Number, string Text)> Read(Stream stream, bool endsAtCR = false)
    {
        var bytes = new List<byte>();
        var next = default(int?);
        for (var number = 1; ReadLine(stream, bytes, endsAtCR, ref next); number++)
        {
            if (bytes.Count > LongestLine)
                throw new FormatException($"line {number}: it is longer than {LongestLine} bytes. Break it into lines, one for each entry.");
            yield return (number, Decode(CollectionsMarshal.AsSpan(bytes), number));
        }
    }

    /// <summary>Reads a line up to the length limit.</summary>
    /// <param name="stream">The text.</param>
    /// <param name="bytes">The line.</param>
    /// <param name="endsAtCR">Whether CR alone ends a line.</param>
    /// <param name="next">A byte that was read to see whether LF follows CR, and begins the next line.</param>
    private static bool ReadLine(Stream stream, List<byte> bytes, bool endsAtCR, ref int? next)
    {
        bytes.Clear();
        for (var last = 0; bytes.Count <= LongestLine && last != '\n'; next = null)
        {
            var value = next ?? stream.ReadByte();
            if (value < 0)
                break;
            if (endsAtCR && last == '\r' && value != '\n')
            {
                next = value;
                break;
            }
            bytes.Add((byte)value);
            last = value;
        }
        return bytes.Count > 0;
    }

    private static string Decode(ReadOnlySpan<byte> bytes, int number)
    {
        if (bytes.Contains((byte)0))
            throw new FormatException($"line {number}: it has NUL bytes, as text in UTF-16 does. Save the file as UTF-8.");
        try
        {
            return Strict.GetString(number == 1 && bytes.StartsWith(Encoding.UTF8.Preamble) ? bytes[Encoding.UTF8.Preamble.Length..] : bytes);
        }
        catch (DecoderFallbackException exception)
        {
            throw new FormatException($"line {number}: the bytes are not UTF-8. Save the file as UTF-8.", exception);
        }
    }
}
