using System.Text;

namespace Dalle.ML.Cli.Batch;

/// <summary>
/// Comma- or tab-separated records as RFC 4180 defines them. The framework's own reader, Visual Basic's TextFieldParser, silently drops empty
/// lines inside quotes.
/// </summary>
internal sealed class CsvRecords(string text, char separator)
{
    private int _position;
    private int _line = 1;

    /// <summary>The records with the line that each begins on. Empty lines are passed over.</summary>
    /// <exception cref="FormatException">Quotes do not match; the message begins with the line.</exception>
    public IEnumerable<(int Line, IReadOnlyList<string> Fields)> Read()
    {
        while (_position < text.Length)
        {
            var (line, start) = (_line, _position);
            var fields = ReadRecord();
            if (fields is not [""] || text[start] == '"')
                yield return (line, fields);
        }
    }

    private List<string> ReadRecord()
    {
        var fields = new List<string>();
        while (true)
        {
            fields.Add(_position < text.Length && text[_position] == '"' ? ReadQuoted() : ReadPlain());
            if (_position == text.Length)
                return fields;
            if (text[_position++] == separator)
                continue;
            if (text[_position - 1] == '\r')
                _position++;
            _line++;
            return fields;
        }
    }

    private string ReadPlain()
    {
        var start = _position;
        while (!IsAtEndOfField())
            _position++;
        return text[start.._position];
    }

    private string ReadQuoted()
    {
        var field = new StringBuilder();
        var line = _line;
        for (_position++; ; _position++)
        {
            if (_position == text.Length)
                throw new FormatException($"line {line}: a quote is opened and never closed. Close it, or double a quote that is meant as such.");
            if (text[_position] == '\n')
                _line++;
            if (text[_position] != '"')
                field.Append(text[_position]);
            else if (_position + 1 < text.Length && text[_position + 1] == '"')
                field.Append(text[_position++]);
            else
                break;
        }
        _position++;
        return IsAtEndOfField()
            ? field.ToString()
            : throw new FormatException($"line {_line}: text follows a closing quote. Double a quote that is meant as such.");
    }

    private bool IsAtEndOfField() =>
        _position == text.Length || text[_position] == separator || text[_position] == '\n'
        || (text[_position] == '\r' && _position + 1 < text.Length && text[_position + 1] == '\n');
}
