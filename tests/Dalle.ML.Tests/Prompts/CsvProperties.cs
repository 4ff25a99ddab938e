using System.Globalization;
using System.Text;
using Dalle.ML.Prompts;
using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests.Prompts;

public sealed class CsvProperties
{
    private static readonly Gen<string> AnyField = Gen
        .Elements("a", " ", "red apple", "\"", "\"\"", ",", "\t", "\n", "\r\n", "\r", "кошка", "🐈", "\uFEFF", ";")
        .ListOf().Select(string.Concat);

    private static readonly Gen<Record> AnyRecord =
        from prompt in AnyField.Where(text => !string.IsNullOrWhiteSpace(text))
        from id in AnyField
        from note in AnyField
        from seed in Gen.Choose(int.MinValue, int.MaxValue).Select(value => (uint)value * 4_294_967_297ul).Select(value => (ulong?)value).Or(Gen.Constant((ulong?)null))
        from isQuoted in Gen.Elements(true, false)
        select new Record(prompt, id, note, seed, isQuoted);

    private static readonly Gen<Table> AnyTable =
        from records in AnyRecord.ListOf()
        from columns in Gen.Shuffle("prompt", "id", "note", "seed")
        from format in Gen.Elements(PromptFormat.Csv, PromptFormat.Tsv)
        from lineEnd in Gen.Elements("\n", "\r\n")
        from endsInLineEnd in Gen.Elements(true, false)
        select new Table([.. records], columns, format, lineEnd, endsInLineEnd);

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void What_is_written_as_RFC_4180_says_is_read(int runs) => Property.Holds(AnyTable, runs, table =>
    {
        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(table.Text));
        var read = PromptRecords.Read(stream, table.Format).ToArray();
        Assert.Equal(table.Records.Select(record => (record.Prompt, record.Id.Length > 0 ? record.Id : null, record.Seed)), read.Select(record => (record.Prompt, record.Id, record.Seed)));
        Assert.Equal(table.Lines, read.Select(record => record.Line));
    });

    private sealed record Record(string Prompt, string Id, string Note, ulong? Seed, bool IsQuoted);

    private sealed record Table(Record[] Records, string[] Columns, PromptFormat Format, string LineEnd, bool EndsInLineEnd)
    {
        private char Separator => Format == PromptFormat.Csv ? ',' : '\t';

        public string Text => string.Join(LineEnd, Records.Select(Line).Prepend(string.Join(Separator, Columns))) + (EndsInLineEnd ? LineEnd : "");

        /// <summary>Where each record begins.</summary>
        public IEnumerable<int> Lines => Records.Select((_, index) => 2 + index + Records.Take(index).Sum(record => Line(record).Count(character => character == '\n')));

        private string Line(Record record) => string.Join(Separator, Columns.Select(column => Field(column switch
        {
            "prompt" => record.Prompt,
            "id" => record.Id,
            "note" => record.Note,
            _ => record.Seed?.ToString(CultureInfo.InvariantCulture) ?? "",
        }, record.IsQuoted)));

        private string Field(string value, bool isQuoted) =>
            isQuoted || value.AsSpan().ContainsAny([Separator, '"', '\r', '\n']) ? $"\"{value.Replace("\"", "\"\"", StringComparison.Ordinal)}\"" : value;
    }
}
