using Microsoft.ML;
using Microsoft.ML.Data;
using Standins.Tests.Core.ThirdParty;

namespace Standins.Tests.Core;

public class ChainTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Estimators_are_fitted_one_after_the_other()
    {
        var data = Samples.View(_ml);
        var chain = _ml.Transforms.CopyColumns("B", "Text")
            .Append(_ml.Transforms.CopyColumns("C", "B"))
            .AppendCacheCheckpoint(_ml)
            .Append(_ml.Transforms.CopyColumns("D", "C"));
        var model = chain.Fit(data);

        Assert.Equal(3, model.Count());
        Assert.NotNull(chain.LastEstimator);
        Assert.Same(model.Last(), model.LastTransformer);
        Assert.Equal(["row 0", "row 1", "row 2"], model.Transform(data).GetColumn<string>("D"));
        Assert.Equal(["Text", "Number", "B", "C", "D"], model.GetOutputSchema(data.Schema).Select(column => column.Name));
    }

    [Fact]
    public void Chains_nest()
    {
        var data = Samples.View(_ml);
        var inner = _ml.Transforms.CopyColumns("B", "Text").Append(_ml.Transforms.CopyColumns("C", "B"));
        var outer = new EstimatorChain<ITransformer>().Append(inner).Append(_ml.Transforms.CopyColumns("D", "C"));
        Assert.Equal("row 2", outer.Fit(data).Transform(data).GetColumn<string>("D").Last());
    }

    [Fact]
    public void An_empty_chain_changes_nothing()
    {
        var data = Samples.View(_ml);
        var model = new EstimatorChain<ITransformer>().Fit(data);
        Assert.Empty(model);
        Assert.Equal(data.GetColumn<string>("Text"), model.Transform(data).GetColumn<string>("Text"));
    }

    [Fact]
    public void A_wrong_schema_is_found_out_before_anything_is_fitted()
    {
        var fitted = false;
        var chain = _ml.Transforms.CopyColumns("B", "Text")
            .WithOnFitDelegate(_ => fitted = true)
            .Append(_ml.Transforms.CopyColumns("D", "Nowhere"));

        Expect.SchemaMismatch(() => chain.Fit(Samples.View(_ml)));
        Assert.False(fitted);
    }

    [Fact]
    public void A_delegate_sees_the_fitted_transformer()
    {
        ITransformer? seen = null;
        var data = Samples.View(_ml);
        var model = _ml.Transforms.CopyColumns("B", "Text").WithOnFitDelegate(transformer => seen = transformer).Fit(data);
        Assert.Same(model, seen);
    }

    [Fact]
    public void Schemas_propagate_through_shapes()
    {
        SchemaShape? shape = null;
        var data = Samples.View(_ml);
        var probe = new ShapeProbe(input => shape = input);
        _ml.Transforms.Concatenate("Pair", "Number", "Number").Append(_ml.Transforms.DropColumns("Number")).Append(probe).Fit(data);

        Assert.Equal(["Pair", "Text"], shape!.Select(column => column.Name).Order());
        var pair = shape!.Single(column => column.Name == "Pair");
        Assert.Equal(SchemaShape.Column.VectorKind.Vector, pair.Kind);
        Assert.Equal(NumberDataViewType.Int32, pair.ItemType);
        Assert.False(pair.IsKey);
        Assert.Equal(SchemaShape.Column.VectorKind.Scalar, shape!.Single(column => column.Name == "Text").Kind);
        Assert.Equal(2, new SchemaShape(shape!).Count);
    }

    [Fact]
    public void Transformers_are_appended_and_filtered_by_scope()
    {
        var data = Samples.View(_ml);
        var first = _ml.Transforms.CopyColumns("B", "Text").Fit(data);
        var second = _ml.Transforms.CopyColumns("C", "Text").Fit(data);

        var chain = first.Append(second);
        Assert.Same(second, chain.LastTransformer);
        Assert.Equal("row 2", chain.Transform(data).GetColumn<string>("C").Last());

        var scoped = new TransformerChain<ITransformer>(first).Append(second, TransformerScope.Training);
        Assert.Single(scoped.GetModelFor(TransformerScope.Scoring));
        Assert.Equal(2, scoped.GetModelFor(TransformerScope.Everything).Count());
    }

    [Fact]
    public void Disposing_a_chain_disposes_its_members_once()
    {
        var member = new DisposableTransformer();
        var chain = new TransformerChain<ITransformer>(member);
        chain.Dispose();
        chain.Dispose();
        Assert.Equal(1, member.Disposals);
    }
}
