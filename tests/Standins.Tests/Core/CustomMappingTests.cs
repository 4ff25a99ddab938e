using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class CustomMappingTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class Source
    {
        public string Text { get; set; } = "";
    }

    public sealed class Destination
    {
        public int Length { get; set; }

        public string Upper { get; set; } = "";

        [VectorType(2)]
        public float[] Vector { get; set; } = [];
    }

    public sealed class NumberAsText
    {
        public string Number { get; set; } = "";
    }

    public sealed class AnyVector
    {
        public float[] Vector { get; set; } = [];
    }

    public sealed class Sum
    {
        public float Total { get; set; }
    }

    [Fact]
    public void A_function_of_a_row_makes_columns()
    {
        var mapped = Map(Samples.View(_ml), () => { });

        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2), mapped.Schema["Vector"].Type);
        Assert.Equal([5, 5, 5], mapped.GetColumn<int>("Length"));
        Assert.Equal(["ROW 0", "ROW 1", "ROW 2"], mapped.GetColumn<string>("Upper"));
        Assert.Equal([5, 1], mapped.GetColumn<float[]>("Vector").First());
        Assert.Equal([0, 1, 2], mapped.GetColumn<int>("Number"));
    }

    [Fact]
    public void The_function_is_called_once_a_row_whatever_number_of_columns_is_read()
    {
        var calls = 0;
        var mapped = Map(Samples.View(_ml, 10), () => Interlocked.Increment(ref calls));

        Assert.Equal(10, _ml.Data.CreateEnumerable<Destination>(mapped, reuseRowObject: false).Count());
        Assert.Equal(10, calls);
    }

    [Fact]
    public void The_function_is_not_called_for_other_columns()
    {
        var calls = 0;
        var mapped = Map(Samples.View(_ml), () => Interlocked.Increment(ref calls));

        Assert.Equal([0, 1, 2], mapped.GetColumn<int>("Number"));
        using (var cursor = mapped.GetRowCursor([mapped.Schema["Text"]]))
            Assert.True(cursor.MoveNext());
        Assert.Equal(0, calls);
    }

    [Fact]
    public void Several_cursors_are_independent()
    {
        var mapped = Map(Samples.View(_ml, 500), () => { });
        var expected = mapped.GetColumn<string>("Upper").ToArray();

        var read = new string[8][];
        Parallel.For(0, read.Length, i => read[i] = [.. mapped.GetColumn<string>("Upper")]);
        Assert.All(read, texts => Assert.Equal(expected, texts));
    }

    [Fact]
    public void Input_columns_are_checked_by_name_and_type()
    {
        var data = Samples.View(_ml);
        var missing = _ml.Transforms.CustomMapping<Destination, Sum>((_, _) => { }, null);
        var wrong = _ml.Transforms.CustomMapping<NumberAsText, Sum>((_, _) => { }, null);
        Expect.SchemaMismatch(() => missing.Fit(data));
        Expect.SchemaMismatch(() => _ = wrong.Fit(data).Transform(data).GetColumn<float>("Total").Count());
        Expect.SchemaMismatch(() => _ml.Transforms.CopyColumns("Copy", "Text").Append(wrong).Fit(data));
    }

    [Fact]
    public void A_vector_of_any_length_may_be_of_a_known_one()
    {
        var pipeline = _ml.Transforms
            .CustomMapping<Source, Destination>((source, destination) => destination.Vector = [source.Text.Length, 1], null)
            .Append(_ml.Transforms.CustomMapping<AnyVector, Sum>((source, destination) => destination.Total = source.Vector.Sum(), null));
        var data = Samples.View(_ml);
        Assert.Equal([6, 6, 6], pipeline.Fit(data).Transform(data).GetColumn<float>("Total"));
    }

    [Fact]
    public void An_exception_of_the_function_comes_through()
    {
        var mapped = Map(Samples.View(_ml), () => throw new NotSupportedException("no"));
        var exception = Record.Exception(() => mapped.GetColumn<int>("Length").Count());
        for (; exception is not (null or NotSupportedException); exception = exception.InnerException)
        {
        }

        Assert.Equal("no", exception?.Message);
    }

    private IDataView Map(IDataView data, Action called)
    {
        var estimator = _ml.Transforms.CustomMapping<Source, Destination>(
            (source, destination) =>
            {
                called();
                destination.Length = source.Text.Length;
                destination.Upper = source.Text.ToUpperInvariant();
                destination.Vector = [source.Text.Length, 1];
            },
            contractName: null);
        return estimator.Fit(data).Transform(data);
    }
}
