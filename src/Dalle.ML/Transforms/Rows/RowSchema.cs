using Microsoft.ML;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// The schema that a component makes of another: all columns of the input under their old indices, then its own.
/// </summary>
internal sealed class RowSchema
{
    private readonly RowRunner _runner;
    private readonly OutputColumn[] _made;
    private readonly (RowField Field, DataViewSchema.Column Column)[] _read;

    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public RowSchema(DataViewSchema input, RowRunner runner)
    {
        _runner = runner;
        Input = input;
        _read = [.. runner.Component.Inputs.Select(column => (column.Field, column.Find(input)))];
        _made = [.. runner.Outputs];

        // Image types must be registered with ML.NET before a column uses them.
        new MLImageTypeAttribute().Register();
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(input);
        foreach (var column in _made)
            schema.AddColumn(column.Name, column.Type(runner.Model.Info), column.Annotations(runner.Model.Info));
        Output = schema.ToSchema();
    }

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    /// <summary>The columns that making a row reads.</summary>
    public IEnumerable<DataViewSchema.Column> Sources => _read.Select(source => source.Column).DistinctBy(column => column.Index);

    public bool IsMade(DataViewSchema.Column column) => column.Index >= Input.Count;

    /// <summary>The input's columns that are needed for those of ours that are active: indices are the same, names may be hidden by ours.</summary>
    public IEnumerable<DataViewSchema.Column> Needed(IReadOnlyCollection<DataViewSchema.Column> active, bool isMadeHere) => active
        .Where(column => !IsMade(column))
        .Select(column => Input[column.Index])
        .Concat(isMadeHere ? Sources : [])
        .DistinctBy(column => column.Index);

    /// <summary>A reader of the current row of an input. The failure of a column is kept in the row: it may affect that row only.</summary>
    public Action<Row> Reader(DataViewRow source)
    {
        var readers = _read.Select(read => (read.Column.Name, Read: read.Field.Bind(source, read.Column))).ToArray();
        return row =>
        {
            (row.Position, row.Text, row.ReadFailure) = (source.Position, "", null);
            foreach (var (name, read) in readers)
            {
                try
                {
                    read(row);
                }
                catch (Exception exception) when (RowRunner.IsOfOneRow(exception))
                {
                    row.ReadFailure ??= new InvalidOperationException($"Column '{name}' cannot be read: {exception.Message}", exception);
                }
            }
        };
    }

    public IEnumerable<RowOutcome> Run(IReadOnlyList<Row> rows) => _runner.Run(rows);

    public void WarnOfAllCut() => _runner.WarnOfAllCut();

    public int BatchSize => _runner.Component.BatchSize;

    /// <summary>A getter of one of our own columns, from the result of the current row.</summary>
    public Delegate Getter(DataViewSchema.Column column, Func<RowResult> current) => _made[column.Index - Input.Count].Field.Getter(current);
}
