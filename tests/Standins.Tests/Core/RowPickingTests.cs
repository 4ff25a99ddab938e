using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class RowPickingTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void Rows_are_taken_and_skipped()
    {
        var data = Samples.View(_ml, 10);
        Assert.Equal([0, 1, 2], Numbers(_ml.Data.TakeRows(data, 3)));
        Assert.Equal([8, 9], Numbers(_ml.Data.SkipRows(data, 8)));
        Assert.Equal([4, 5], Numbers(_ml.Data.TakeRows(_ml.Data.SkipRows(data, 4), 2)));
        Assert.Equal(10, Numbers(_ml.Data.TakeRows(data, 100)).Count());
        Assert.Empty(Numbers(_ml.Data.SkipRows(data, 100)));
    }

    [Fact]
    public void Taking_rows_reads_no_more_than_those()
    {
        var read = 0;
        var data = _ml.Data.LoadFromEnumerable(Samples.Rows(1000).Select(row =>
        {
            read++;
            return row;
        }));

        Assert.Equal(3, Numbers(_ml.Data.TakeRows(data, 3)).Count());
        Assert.InRange(read, 3, 4);
    }

    [Fact]
    public void A_shuffle_keeps_every_row_and_repeats_itself_for_a_seed()
    {
        var data = Samples.View(_ml, 100);
        var shuffled = Numbers(_ml.Data.ShuffleRows(data, seed: 5)).ToArray();

        Assert.NotEqual(Enumerable.Range(0, 100), shuffled);
        Assert.Equal(Enumerable.Range(0, 100), shuffled.Order());
        Assert.Equal(shuffled, Numbers(_ml.Data.ShuffleRows(data, seed: 5)));
        Assert.NotEqual(shuffled, Numbers(_ml.Data.ShuffleRows(data, seed: 6)));
    }

    [Fact]
    public void A_shuffle_through_a_small_pool_keeps_rows_whole()
    {
        var data = Samples.View(_ml, 50);
        var shuffled = _ml.Data.ShuffleRows(data, seed: 5, shufflePoolSize: 7, shuffleSource: false);
        var rows = _ml.Data.CreateEnumerable<TextRow>(shuffled, reuseRowObject: false).ToArray();

        Assert.Equal(Enumerable.Range(0, 50), rows.Select(row => row.Number).Order());
        Assert.All(rows, row => Assert.Equal($"row {row.Number}", row.Text));
    }

    [Fact]
    public void A_split_deals_every_row_to_one_side()
    {
        var data = Samples.View(_ml, 1000);
        var split = _ml.Data.TrainTestSplit(data, testFraction: 0.25, seed: 3);
        int[] train = [.. Numbers(split.TrainSet)];
        int[] test = [.. Numbers(split.TestSet)];

        Assert.Equal(Enumerable.Range(0, 1000), train.Concat(test).Order());
        Assert.InRange(test.Length, 150, 350);
        Assert.Equal(test, Numbers(split.TestSet));
    }

    [Fact]
    public void A_split_by_key_keeps_rows_of_one_key_together()
    {
        var rows = Enumerable.Range(0, 400).Select(i => new TextRow { Text = $"group {i % 40}", Number = i });
        var split = _ml.Data.TrainTestSplit(_ml.Data.LoadFromEnumerable(rows.ToArray()), 0.3, "Text", seed: 3);
        string[] train = [.. split.TrainSet.GetColumn<string>("Text").Distinct()];
        string[] test = [.. split.TestSet.GetColumn<string>("Text").Distinct()];

        Assert.Empty(train.Intersect(test));
        Assert.Equal(40, train.Length + test.Length);
        Assert.NotEmpty(test);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(-0.5)]
    public void A_split_needs_a_fraction(double fraction) =>
        Assert.ThrowsAny<Exception>(() => _ml.Data.TrainTestSplit(Samples.View(_ml), fraction));

    [Fact]
    public void A_cache_reads_its_source_once()
    {
        var read = 0;
        var source = _ml.Data.LoadFromEnumerable(Samples.Rows(10).Select(row =>
        {
            Interlocked.Increment(ref read);
            return row;
        }));

        var cached = _ml.Data.Cache(source, "Number", "Text");
        Assert.Equal(Enumerable.Range(0, 10), Numbers(cached));
        Assert.Equal(Enumerable.Range(0, 10), Numbers(cached));
        Assert.Equal("row 9", cached.GetColumn<string>("Text").Last());
        Assert.Equal(10, read);
    }

    private static IEnumerable<int> Numbers(IDataView data) => data.GetColumn<int>("Number");
}
