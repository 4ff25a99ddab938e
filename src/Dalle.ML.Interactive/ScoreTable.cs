using System.Globalization;

namespace Dalle.ML.Interactive;

/// <summary>Numbers with names of rows and columns: the higher, the darker, and the highest of each row in bold.</summary>
/// <param name="Rows">Names of the rows.</param>
/// <param name="Columns">Names of the columns.</param>
/// <param name="Values">For each row the values of its columns.</param>
/// <example>
/// <code>
/// string[] texts = ["a cat", "a dog"];
/// new ScoreTable(["picture"], texts, [[.. texts.Select(text => (double)model.Score(text, image))]]).Show();
/// </code>
/// </example>
public sealed record ScoreTable(IReadOnlyList<string> Rows, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<double>> Values)
{
    /// <summary>For each row the values of its columns.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Values { get; init; } = Values.Count == Rows.Count && Values.All(row => row.Count == Columns.Count)
        ? Values
        : throw new ArgumentException($"The values must be {Rows.Count} rows of {Columns.Count}, one for each name.", nameof(Values));

    /// <summary>Format of the numbers, as <see cref="double.ToString(string)"/> takes it.</summary>
    public string Format { get; init; } = "0.0";

    /// <summary>The table in lines of text.</summary>
    public override string ToString() => string.Join('\n', Lines());

    internal string ToHtml()
    {
        var all = Values.SelectMany(row => row).Where(double.IsFinite).DefaultIfEmpty().ToArray();
        var (lowest, highest) = (all.Min(), all.Max());
        var range = highest > lowest ? highest - lowest : 1;
        var head = "<th></th>" + string.Concat(Columns.Select(column => $"<th>{Html.Text(column)}</th>"));
        var body = Rows.Zip(Values, (name, values) => $"<th align=\"left\">{Html.Text(name)}</th>" + string.Concat(values.Select(value =>
        {
            var number = Number(value);
            var text = value == values.Max() ? $"<b>{number}</b>" : number;
            return $"""<td align="right" bgcolor="{Html.Shade((value - lowest) / range)}"><font color="black">{text}</font></td>""";
        })));
        return Html.Table(body.Prepend(head));
    }

    private IEnumerable<string> Lines()
    {
        yield return string.Join('\t', Columns.Prepend(""));
        foreach (var (name, values) in Rows.Zip(Values))
            yield return string.Join('\t', values.Select(Number).Prepend(name));
    }

    private string Number(double value) => value.ToString(Format, CultureInfo.InvariantCulture);
}
