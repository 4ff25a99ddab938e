using System.Text;

namespace Dalle.ML.Prompts;

/// <summary>
/// Comma- or tab-separated records as RFC 4180 defines them. The framework's own reader, Visual Basic's TextFieldParser, silently drops empty
/// lines inside quotes.
/// </summary>
internal sealed class CsvRecords
{
    private readonly IEnumerator<(int Number, string Text)> _lines;
    private readonly char _separator;
    private int _position;

    private CsvRecords(IEnumerator<(int Number, string Text)> lines, char separator) => (_lines, _separator) = (lines, separator);

    private string Line => _lines.Current.Text;

    /// <summary>The records with the line that each begins on. Empty lines are skipped.</summary>
    /// <param name="lines">The lines with their numbers and ends.</param>
    /// <param name="separator">What stands between two fields.</param>
    /// <exception cref="FormatException">Quotes do not match; the message begins with the line.</exception>
    public static IEnumerable<(int Line, IReadOnlyList<string> Fields)> Read(IEnumerable<(int Number, string Text)> lines, char separator)
    {
        using var cursor = lines.GetEnumerator();
        var records = new CsvRecords(cursor, separator);
        while (cursor.MoveNext())
        {
            var (number, text) = cursor.Current;
            if (text is not ("\n" or "\r\n"))
                yield return (number, records.ReadRecord());
        }
    }

    private List<string> ReadRecord()
    {
        var fields = new List<string>();
        for (_position = 0; ; _position++)
        {
            fields.Add(IsAt('"') ? ReadQuoted() : ReadPlain());
            if (!IsAt(_separator))
                return fields;
        }
    }

    private string ReadPlain()
    {
        var start = _position;
        while (!IsAtEndOfField())
            _position++;
        return Line[start.._position];
    }

    private string ReadQuoted()
    {
        var field = new StringBuilder();
        var start = _lines.Current.Number;
        for (_position++; ; _position++)
        {
            if (_position == Line.Length)
            {
                if (field.Length > Utf8Lines.LongestLine)
                    throw new FormatException($"line {start}: a value in quotes is longer than {Utf8Lines.LongestLine} characters. Close the quote, or double it if it is part of the value.");
                GoOnInNextLine(start);
            }
            if (Line[_position] != '"')
                field.Append(Line[_position]);
            else if (_position + 1 < Line.Length && Line[_position + 1] == '"')
                field.Append(Line[_position++]);
            else
                break;
        }
        _position++;
        return IsAtEndOfField()
            ? field.ToString()
            : throw new FormatException($"line {_lines.Current.Number}: text follows a closing quote. Double each quote that is part of the value.");
    }

    private void GoOnInNextLine(int start)
    {
        if (!_lines.MoveNext())
            throw new FormatException($"line {start}: a quote is opened and never closed. Close it, or double it if it is part of the value.");
        _position = 0;
    }

    private bool IsAt(char character) => _position < Line.Length && Line[_position] == character;

    private bool IsAtEndOfField() => IsAt(_separator) || Line.AsSpan(_position) is "" or "\n" or "\r\n";
}
