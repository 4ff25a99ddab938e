using Microsoft.ML;

namespace Standins.Tests.Core;

public class PreviewTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void A_preview_shows_the_first_rows()
    {
        var preview = Samples.View(_ml, 10).Preview(maxRows: 2);

        Assert.Equal(2, preview.RowView.Length);
        Assert.Equal("Text", preview.RowView[1].Values[0].Key);
        Assert.Equal("row 1", preview.RowView[1].Values[0].Value.ToString());
        Assert.Equal(1, preview.RowView[1].Values[1].Value);
        Assert.Equal(["Text", "Number"], preview.ColumnView.Select(column => column.Column.Name));
        Assert.Equal([0, 1], preview.ColumnView[1].Values.Cast<int>());
        Assert.Equal(2, preview.Schema.Count);
    }

    [Fact]
    public void Transformers_and_estimators_are_previewed_on_data()
    {
        var data = Samples.View(_ml, 10);
        var estimator = _ml.Transforms.CopyColumns("Copy", "Text");

        Assert.Equal("row 0", estimator.Fit(data).Preview(data, 1).RowView.Single().Values[^1].Value.ToString());
        Assert.Equal("row 0", estimator.Preview(data, 1).RowView[0].Values[^1].Value.ToString());
    }
}
