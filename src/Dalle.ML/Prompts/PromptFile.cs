using System.Globalization;

namespace Dalle.ML.Prompts;

/// <summary>
/// A file of prompts that was checked once, so that all mistakes are found before anything is generated. Its prompts are read again each
/// time, one after the other, and are not kept.
/// </summary>
internal sealed class PromptFile
{
    private readonly string _name;
    private readonly PromptFormat _format;
    private readonly Func<Stream> _open;
    private readonly int _idWidth;

    /// <param name="name">The name of the file in messages.</param>
    /// <param name="format">How it is laid out.</param>
    /// <param name="open">Opens it.</param>
    /// <exception cref="InvalidDataException">A line is wrong; the message names file, line and remedy.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public PromptFile(string name, PromptFormat format, Func<Stream> open)
    {
        (_name, _format, _open) = (name, format, open);
        var ids = Records().Select(record => (record.Line, record.Id)).ToArray();
        if (ids.Length == 0)
            throw Mistake("line 1: there is no prompt. Write one per line.");
        Count = ids.Length;
        _idWidth = (Count - 1).ToString(CultureInfo.InvariantCulture).Length;
        RefuseDuplicates(ids);
    }

    /// <summary>Number of prompts.</summary>
    public int Count { get; }

    /// <summary>The prompts in their order. Those without an id are named by their number, padded to one length.</summary>
    public IEnumerable<NumberedPrompt> Read() =>
        Records().Select((record, index) => new NumberedPrompt(record.Line, index, record.Id ?? NumberOf(index), record.Prompt, record.Seed));

    /// <summary>An error in the file, of one line whatever it cites.</summary>
    /// <param name="text">The line, what is wrong there, and the remedy.</param>
    /// <param name="inner">The underlying error.</param>
    public InvalidDataException Mistake(string text, Exception? inner = null) =>
        new($"{_name}, {string.Concat(text.Select(character => char.IsControl(character) ? '?' : character))}", inner);

    private IEnumerable<PromptRecord> Records()
    {
        using var stream = _open();
        using var records = PromptRecords.Read(stream, _format).GetEnumerator();
        while (MoveNext(records))
            yield return records.Current;
    }

    private bool MoveNext(IEnumerator<PromptRecord> records)
    {
        try
        {
            return records.MoveNext();
        }
        catch (FormatException exception)
        {
            throw Mistake(exception.Message, exception);
        }
    }

    private string NumberOf(int index) => index.ToString(CultureInfo.InvariantCulture).PadLeft(_idWidth, '0');

    private void RefuseDuplicates((int Line, string? Id)[] ids)
    {
        // On many systems, names that differ only in case are the same file.
        var lines = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var i = 0; i < ids.Length; i++)
        {
            var id = ids[i].Id ?? NumberOf(i);
            if (!lines.TryAdd(id, ids[i].Line))
                throw Mistake($"line {ids[i].Line}: the id '{id}' is already used on line {lines[id]} (ignoring case). Choose another.");
        }
    }
}
