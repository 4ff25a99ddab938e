using Microsoft.ML;

namespace Standins.Tests.Core;

public sealed class TextRow
{
    public string Text { get; set; } = "";

    public int Number { get; set; }
}

internal static class Samples
{
    internal static IEnumerable<TextRow> Rows(int count) =>
        Enumerable.Range(0, count).Select(i => new TextRow { Text = $"row {i}", Number = i });

    internal static IDataView View(MLContext ml, int count = 3) => ml.Data.LoadFromEnumerable(Rows(count).ToArray());
}
