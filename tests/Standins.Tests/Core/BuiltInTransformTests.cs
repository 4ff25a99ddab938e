using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class BuiltInTransformTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class Parts
    {
        public float One { get; set; }

        [VectorType(2)]
        public float[] Two { get; set; } = [];

        public float[] Any { get; set; } = [];

        public string Text { get; set; } = "";
    }

    [Fact]
    public void A_copy_has_the_values_of_its_source()
    {
        var data = Samples.View(_ml);
        var copied = _ml.Transforms.CopyColumns(outputColumnName: "Copy", inputColumnName: "Text").Fit(data).Transform(data);
        Assert.Equal(data.GetColumn<string>("Text"), copied.GetColumn<string>("Copy"));
    }

    [Fact]
    public void A_copy_over_a_column_hides_it()
    {
        var data = Samples.View(_ml);
        var copied = _ml.Transforms.CopyColumns("Number", "Text").Fit(data).Transform(data);

        Assert.Equal(3, copied.Schema.Count);
        Assert.Equal(2, copied.Schema["Number"].Index);
        Assert.True(copied.Schema[data.Schema["Number"].Index].IsHidden);
        Assert.Equal(TextDataViewType.Instance, copied.Schema["Number"].Type);
        Assert.Equal(["row 0", "row 1", "row 2"], copied.GetColumn<string>("Number"));
    }

    [Fact]
    public void Concatenation_joins_scalars_and_vectors()
    {
        var data = _ml.Data.LoadFromEnumerable<Parts>([new() { One = 1, Two = [2, 3], Any = [4, 5, 6] }]);
        var known = _ml.Transforms.Concatenate("All", "One", "Two").Fit(data).Transform(data);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3), known.Schema["All"].Type);
        Assert.Equal([1, 2, 3], known.GetColumn<float[]>("All").Single());

        var unknown = _ml.Transforms.Concatenate("All", "Any", "One").Fit(data).Transform(data);
        Assert.False(((VectorDataViewType)unknown.Schema["All"].Type).IsKnownSize);
        Assert.Equal([4, 5, 6, 1], unknown.GetColumn<float[]>("All").Single());
    }

    [Fact]
    public void Concatenation_needs_one_item_type()
    {
        Assert.SkipUnless(Feed.IsStandin, "The real package does not look before rows are read.");
        var data = _ml.Data.LoadFromEnumerable<Parts>([]);
        Expect.SchemaMismatch(() => _ml.Transforms.Concatenate("All", "One", "Text").Fit(data));
    }

    [Fact]
    public void Columns_are_dropped_and_selected()
    {
        var data = Samples.View(_ml);
        Assert.Equal(["Number"], Names(_ml.Transforms.DropColumns("Text").Fit(data).Transform(data)));

        var selected = _ml.Transforms.SelectColumns("Text").Fit(data).Transform(data);
        Assert.Equal(["Text"], Names(selected));
        Assert.Equal("row 2", selected.GetColumn<string>("Text").Last());
    }

    [Fact]
    public void A_dropped_column_can_still_feed_another()
    {
        var data = Samples.View(_ml);
        var renamed = _ml.Transforms.CopyColumns("Prompt", "Text").Append(_ml.Transforms.DropColumns("Text")).Fit(data).Transform(data);
        Assert.Equal(["Number", "Prompt"], Names(renamed).Order());
        Assert.Equal("row 2", renamed.GetColumn<string>("Prompt").Last());
    }

    [Theory]
    [InlineData("x => \"7b226e223a317d\"", "7b226e223a317d")]
    [InlineData("x : \"some text\"", "some text")]
    public void An_expression_can_be_a_text(string expression, string text)
    {
        var data = Samples.View(_ml);
        var constant = _ml.Transforms.Expression("Options", expression, "Text").Fit(data).Transform(data);
        Assert.Equal(TextDataViewType.Instance, constant.Schema["Options"].Type);
        Assert.Equal([text, text, text], constant.GetColumn<string>("Options"));
    }

    [Fact]
    public void An_expression_that_is_none_is_an_error() =>
        Assert.ThrowsAny<Exception>(() => _ml.Transforms.Expression("Options", "x => \"open", "Text").Fit(Samples.View(_ml)));

    [Fact]
    public void A_missing_input_column_is_found_out_by_estimator_and_transformer()
    {
        Assert.SkipUnless(Feed.IsStandin, "Some estimators of the real package let it pass, or throw other errors.");
        var data = Samples.View(_ml);
        var other = _ml.Transforms.SelectColumns("Number").Fit(data).Transform(data);
        IEstimator<ITransformer>[] estimators =
        [
            _ml.Transforms.CopyColumns("Out", "Text"),
            _ml.Transforms.Concatenate("Out", "Text"),
            _ml.Transforms.DropColumns("Text"),
            _ml.Transforms.SelectColumns("Text"),
            _ml.Transforms.Expression("Out", "x => \"text\"", "Text"),
        ];

        foreach (var estimator in estimators)
        {
            var transformer = estimator.Fit(data);
            Expect.SchemaMismatch(() => estimator.Fit(other));
            Expect.SchemaMismatch(() => transformer.GetOutputSchema(other.Schema));
            Expect.SchemaMismatch(() => transformer.Transform(other));
        }
    }

    [Fact]
    public void Nothing_may_be_null()
    {
        Assert.Throws<ArgumentNullException>(() => _ml.Transforms.CopyColumns("Out", "Text").Fit(null!));
        Assert.ThrowsAny<ArgumentException>(() => _ml.Transforms.CopyColumns(null!, "Text"));
        Assert.Throws<ArgumentNullException>(() => _ml.Data.LoadFromEnumerable<TextRow>(null!));
    }

    [Fact]
    public void A_row_mapper_works_on_single_rows()
    {
        var data = Samples.View(_ml);
        ITransformer transformer = _ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.Transforms.DropColumns("Text")).Fit(data);
        Assert.True(transformer.IsRowToRowMapper);
        var mapper = transformer.GetRowToRowMapper(data.Schema);
        var copy = mapper.OutputSchema["Copy"];

        Assert.Same(data.Schema, mapper.InputSchema);
        Assert.Equal(["Text"], mapper.GetDependencies([copy]).Select(column => column.Name));

        using var cursor = data.GetRowCursor(mapper.GetDependencies([copy]));
        using var row = mapper.GetRow(cursor, [copy]);
        var getter = row.GetGetter<ReadOnlyMemory<char>>(copy);
        ReadOnlyMemory<char> text = default;
        Assert.True(cursor.MoveNext());
        getter(ref text);
        Assert.Equal("row 0", text.ToString());
        Assert.True(cursor.MoveNext());
        getter(ref text);
        Assert.Equal("row 1", text.ToString());
        Assert.Equal(1, row.Position);
    }

    private static IEnumerable<string> Names(IDataView data) => data.Schema.Where(column => !column.IsHidden).Select(column => column.Name);
}
