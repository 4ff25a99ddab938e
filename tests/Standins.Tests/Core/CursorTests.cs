using Microsoft.ML;
using Microsoft.ML.Data;
using Standins.Tests.Core.ThirdParty;

namespace Standins.Tests.Core;

public class CursorTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void A_cursor_moves_through_positions()
    {
        var data = Samples.View(_ml, 2);
        using var cursor = data.GetRowCursor(data.Schema);
        var getter = cursor.GetGetter<int>(data.Schema["Number"]);

        Assert.Equal(-1, cursor.Position);
        for (var row = 0; row < 2; row++)
        {
            Assert.True(cursor.MoveNext());
            Assert.Equal(row, cursor.Position);
            var value = -1;
            getter(ref value);
            Assert.Equal(row, value);
        }

        Assert.False(cursor.MoveNext());
        Assert.False(cursor.MoveNext());
    }

    [Fact]
    public void A_column_that_was_not_asked_for_cannot_be_read()
    {
        var data = Samples.View(_ml);
        using var cursor = data.GetRowCursor([data.Schema["Number"]]);

        Assert.True(cursor.IsColumnActive(data.Schema["Number"]));
        Assert.False(cursor.IsColumnActive(data.Schema["Text"]));
        Expect.SchemaMismatch(() => cursor.GetGetter<ReadOnlyMemory<char>>(data.Schema["Text"]));
    }

    [Fact]
    public void A_column_that_a_transformer_added_is_as_lazy()
    {
        var data = Samples.View(_ml);
        var copied = _ml.Transforms.CopyColumns("Copy", "Text").Fit(data).Transform(data);
        using var cursor = copied.GetRowCursor([copied.Schema["Number"]]);

        Assert.False(cursor.IsColumnActive(copied.Schema["Copy"]));
        Expect.SchemaMismatch(() => cursor.GetGetter<ReadOnlyMemory<char>>(copied.Schema["Copy"]));
    }

    [Fact]
    public void A_value_of_another_type_cannot_be_read()
    {
        var data = Samples.View(_ml);
        using var cursor = data.GetRowCursor(data.Schema);
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<float>(data.Schema["Number"]));
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<string>(data.Schema["Text"]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_cursor_set_visits_every_row_once(int n)
    {
        var data = new CountingView(Samples.View(_ml, 200));
        var copied = _ml.Transforms.CopyColumns("Copy", "Number").Fit(data).Transform(data);
        var column = copied.Schema["Copy"];
        var seen = new List<int>();

        var cursors = copied.GetRowCursorSet([column], n);

        if (Feed.IsStandin)
            Assert.Equal((Math.Min(n, 2), 1), (cursors.Length, data.Sets));
        foreach (var cursor in cursors)
        {
            using (cursor)
            {
                var getter = cursor.GetGetter<int>(column);
                var value = 0;
                while (cursor.MoveNext())
                {
                    getter(ref value);
                    seen.Add(value);
                }
            }
        }

        Assert.Equal(Enumerable.Range(0, 200), seen.Order());
    }

    [Fact]
    public void Row_ids_are_told_apart()
    {
        var data = Samples.View(_ml, 20);
        using var cursor = data.GetRowCursor([]);
        var getter = cursor.GetIdGetter();
        var ids = new HashSet<DataViewRowId>();
        DataViewRowId id = default;
        while (cursor.MoveNext())
        {
            getter(ref id);
            Assert.True(ids.Add(id));
        }

        Assert.Equal(20, ids.Count);
    }

    [Fact]
    public void Columns_are_read_as_their_raw_type_or_as_objects()
    {
        var data = Samples.View(_ml);
        Assert.Equal([0, 1, 2], data.GetColumn<int>("Number"));
        Assert.Equal(["row 0", "row 1", "row 2"], data.GetColumn<string>("Text"));
        Assert.Equal("row 0", data.GetColumn<ReadOnlyMemory<char>>("Text").First().ToString());

        var vectors = _ml.Transforms.Concatenate("Vector", "Number", "Number").Fit(data).Transform(data);
        Assert.Equal([2, 2], vectors.GetColumn<int[]>("Vector").Last());
        Assert.Equal([2, 2], vectors.GetColumn<VBuffer<int>>("Vector").Last().DenseValues());

        Assert.ThrowsAny<Exception>(() => _ = data.GetColumn<float>("Number").Count());
        Assert.ThrowsAny<Exception>(() => _ = data.GetColumn<int>("Nowhere").Count());
    }
}
