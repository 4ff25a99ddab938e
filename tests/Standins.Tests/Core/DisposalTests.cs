using Microsoft.ML;
using Microsoft.ML.Data;
using Standins.Tests.Core.ThirdParty;

namespace Standins.Tests.Core;

/// <summary>Cursors are closed and members disposed whatever happens.</summary>
public class DisposalTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class Length
    {
        public int Characters { get; set; }
    }

    [Fact]
    public void Reading_the_first_row_closes_the_cursor()
    {
        var (source, data) = Copied();

        Assert.Equal("row 0", data.GetColumn<string>("Copy").First());
        Assert.Equal(2, _ml.Data.TakeRows(data, 2).GetColumn<string>("Copy").Count());
        _ = _ml.Data.CreateEnumerable<TextRow>(data, reuseRowObject: false).First();
        _ = data.Preview(maxRows: 1);

        AssertAllClosed(source);
    }

    [Fact]
    public void A_failing_row_closes_the_cursor()
    {
        var source = new CountingView(Samples.View(_ml, 5));
        var data = _ml.Transforms
            .CustomMapping<TextRow, Length>((_, _) => throw new InvalidDataException("a bad row"), null)
            .Fit(source).Transform(source);

        Assert.ThrowsAny<Exception>(() => data.GetColumn<int>("Characters").Count());
        Assert.ThrowsAny<Exception>(() => _ml.Data.Cache(data, "Characters").GetColumn<int>("Characters").Count());
        AssertAllClosed(source);
    }

    [Fact]
    public void A_cursor_that_cannot_be_wrapped_is_closed()
    {
        Assert.SkipUnless(Feed.IsStandin, "When the real package asks for getters is its own affair.");
        var (source, copied) = Copied();
        source.HasNoGetters = true;

        foreach (var data in new[]
        {
            copied,
            _ml.Data.ShuffleRows(source, seed: 1),
            _ml.Data.TrainTestSplit(source, samplingKeyColumnName: "Text", seed: 1).TrainSet,
        })
        {
            Assert.Throws<InvalidOperationException>(() => data.GetRowCursor(data.Schema));
        }

        Assert.Throws<InvalidOperationException>(() => copied.GetRowCursorSet(copied.Schema, 4));
        AssertAllClosed(source);
    }

    [Fact]
    public void A_cursor_may_be_disposed_twice()
    {
        var (source, data) = Copied();
        var cursor = data.GetRowCursor(data.Schema);

        cursor.Dispose();
        cursor.Dispose();

        AssertAllClosed(source);
    }

    [Fact]
    public void A_member_that_fails_to_be_disposed_keeps_no_other_from_it()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package may stop at the first.");
        var first = new DisposableTransformer { Failure = new IOException("broken") };
        var second = new DisposableTransformer();

        Assert.Throws<IOException>(new TransformerChain<ITransformer>(first, second).Dispose);

        Assert.Equal((1, 1), (first.Disposals, second.Disposals));
    }

    [Fact]
    public void What_was_fitted_before_a_failure_is_disposed()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package leaves this to the garbage collector.");
        var fitted = new DisposableTransformer();
        var chain = new EstimatorChain<ITransformer>()
            .Append(new FixedEstimator(() => fitted))
            .Append(new FixedEstimator(() => throw new InvalidDataException("nothing to learn from")));

        Assert.Throws<InvalidDataException>(() => chain.Fit(Samples.View(_ml)));

        Assert.Equal(1, fitted.Disposals);
    }

    [Fact]
    public void A_row_that_a_later_mapper_cannot_take_is_disposed()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package leaves this to the garbage collector.");
        var source = new CountingView(Samples.View(_ml));
        ITransformer chain = new TransformerChain<ITransformer>(
            _ml.Transforms.CopyColumns("Copy", "Text").Fit(source),
            new RowTransformer(_ => throw new InvalidDataException("no row")));
        var mapper = chain.GetRowToRowMapper(source.Schema);

        Assert.Throws<InvalidDataException>(() => mapper.GetRow(source.GetRowCursor(source.Schema), mapper.OutputSchema));

        AssertAllClosed(source);
    }

    [Fact]
    public void An_engine_that_cannot_be_made_leaves_no_row_behind()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package leaves this to the garbage collector.");
        var source = new CountingView(Samples.View(_ml)) { HasNoGetters = true };
        var model = new RowTransformer(_ => source.GetRowCursor(source.Schema));

        Assert.Throws<InvalidOperationException>(() => _ml.Model.CreatePredictionEngine<TextRow, TextRow>(model));

        AssertAllClosed(source);
    }

    private (CountingView Source, IDataView Copied) Copied()
    {
        var source = new CountingView(Samples.View(_ml, 5));
        return (source, _ml.Transforms.CopyColumns("Copy", "Text").Fit(source).Transform(source));
    }

    private static void AssertAllClosed(CountingView source)
    {
        Assert.True(source.Opened > 0);
        // The real package closes them in threads of its own.
        if (!Feed.IsStandin)
            SpinWait.SpinUntil(() => source.Live == 0, TimeSpan.FromSeconds(30));
        Assert.Equal(0, source.Live);
    }

    private sealed class FixedEstimator(Func<ITransformer> fit) : IEstimator<ITransformer>
    {
        public ITransformer Fit(IDataView input) => fit();

        public SchemaShape GetOutputSchema(SchemaShape inputSchema) => inputSchema;
    }
}
