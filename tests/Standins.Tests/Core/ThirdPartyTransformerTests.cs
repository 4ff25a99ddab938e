using Microsoft.ML;
using Microsoft.ML.Data;
using Standins.Tests.Core.ThirdParty;

namespace Standins.Tests.Core;

public class ThirdPartyTransformerTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void It_works_between_built_in_transformers()
    {
        var data = Samples.View(_ml);
        var pipeline = _ml.Transforms.CopyColumns("Prompt", "Text")
            .Append(new ShoutEstimator(_ml, "Loud", "Prompt"))
            .Append(_ml.Transforms.CopyColumns("Copy", "Loud"))
            .Append(_ml.Transforms.DropColumns("Prompt"));
        var transformed = pipeline.Fit(data).Transform(data);

        Assert.Equal(["ROW 0", "ROW 1", "ROW 2"], transformed.GetColumn<string>("Copy"));
        Assert.Equal([5, 5, 5], transformed.GetColumn<int>("Length"));
        Assert.Equal([0, 1, 2], transformed.GetColumn<int>("Number"));
    }

    [Fact]
    public void It_computes_what_is_read_and_no_more()
    {
        var transformer = new ShoutEstimator(_ml, "Loud", "Text").Transformer;
        var transformed = transformer.Transform(Samples.View(_ml, 200));

        Assert.Equal(200, transformed.GetColumn<int>("Number").Count());
        Assert.Equal(0, transformer.Computed);

        Assert.Equal("ROW 0", transformed.GetColumn<string>("Loud").First());
        Assert.Equal(1, transformer.Computed);

        Assert.Equal(2, transformed.Preview(maxRows: 2).RowView.Length);
        Assert.Equal(3, transformer.Computed);
    }

    [Fact]
    public void It_may_replace_its_own_input()
    {
        var transformed = new ShoutEstimator(_ml, "Text", "Text").Transformer.Transform(Samples.View(_ml));
        Assert.Equal(["ROW 0", "ROW 1", "ROW 2"], transformed.GetColumn<string>("Text"));
    }

    [Fact]
    public void Its_wrong_input_is_found_out_by_the_chain()
    {
        var data = Samples.View(_ml);
        Expect.SchemaMismatch(() => _ml.Transforms.CopyColumns("A", "Text").Append(new ShoutEstimator(_ml, "Loud", "Nowhere")).Fit(data));
        Expect.SchemaMismatch(() => _ml.Transforms.CopyColumns("A", "Text").Append(new ShoutEstimator(_ml, "Loud", "Number")).Fit(data));
    }

    [Fact]
    public void It_is_saved_as_built_in_transformers_and_gives_the_same()
    {
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CopyColumns("Prompt", "Text").Append(new ShoutEstimator(_ml, "Loud", "Prompt")).Fit(data);
        using var stream = new MemoryStream();
        _ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;

        var ml = new MLContext();
        var loaded = ml.Model.Load(stream, out var schema);
        var original = model.Transform(data);
        var reloaded = loaded.Transform(data);

        Assert.Equal(["Text", "Number"], schema.Select(column => column.Name));
        foreach (var name in original.Schema.Select(column => column.Name))
            Assert.Equal(original.Schema[name].Type, reloaded.Schema[name].Type);
        Assert.Equal(original.GetColumn<string>("Loud"), reloaded.GetColumn<string>("Loud"));
        Assert.Equal(original.GetColumn<int>("Length"), reloaded.GetColumn<int>("Length"));
        Assert.Contains(Assert.IsAssignableFrom<IEnumerable<ITransformer>>(loaded), member => member is TransformerChain<ITransformer>);

        using var engine = ml.Model.CreatePredictionEngine<TextRow, ShoutAnswer>(loaded);
        Assert.Equal("HEY", engine.Predict(new TextRow { Text = "hey" }).Loud);
    }

    [Fact]
    public void It_is_saved_on_its_own_too()
    {
        var data = Samples.View(_ml);
        var model = new ShoutEstimator(_ml, "Loud", "Text").Fit(data);
        using var stream = new MemoryStream();
        _ml.Model.Save(model, data.Schema, stream);
        stream.Position = 0;
        Assert.Equal("ROW 2", new MLContext().Model.Load(stream, out _).Transform(data).GetColumn<string>("Loud").Last());
    }

    public sealed class ShoutAnswer
    {
        public string Loud { get; set; } = "";
    }
}
