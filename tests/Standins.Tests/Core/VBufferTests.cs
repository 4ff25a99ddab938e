using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class VBufferTests
{
    [Fact]
    public void Dense_values_are_all_of_them()
    {
        var vector = new VBuffer<int>(3, [1, 2, 3]);

        Assert.True(vector.IsDense);
        Assert.Equal(3, vector.Length);
        Assert.Equal([1, 2, 3], vector.GetValues().ToArray());
        Assert.Equal(0, vector.GetIndices().Length);
        Assert.Equal(2, vector.GetItemOrDefault(1));
    }

    [Fact]
    public void Sparse_values_stand_at_their_indices()
    {
        VBuffer<float> vector = default;
        var editor = VBufferEditor.Create(ref vector, 5, valuesCount: 2);
        editor.Indices[0] = 1;
        editor.Indices[1] = 4;
        editor.Values[0] = 10;
        editor.Values[1] = 40;
        vector = editor.Commit();

        Assert.False(vector.IsDense);
        Assert.Equal(5, vector.Length);
        Assert.Equal([10, 40], vector.GetValues().ToArray());
        Assert.Equal([1, 4], vector.GetIndices().ToArray());
        Assert.Equal([0, 10, 0, 0, 40], vector.DenseValues());
        Assert.Equal([KeyValuePair.Create(1, 10f), KeyValuePair.Create(4, 40f)], vector.Items());
        Assert.Equal(5, vector.Items(all: true).Count());
        Assert.Equal(40, vector.GetItemOrDefault(4));
        Assert.Equal(0, vector.GetItemOrDefault(2));

        var copy = new float[] { 9, 9, 9, 9, 9 };
        vector.CopyTo(copy.AsSpan());
        Assert.Equal([0, 10, 0, 0, 40], copy);

        VBuffer<float> twin = default;
        vector.CopyTo(ref twin);
        Assert.Equal(vector.DenseValues(), twin.DenseValues());
    }

    [Fact]
    public void An_editor_reuses_what_is_large_enough_and_can_keep_old_values()
    {
        var values = new[] { 1, 2, 3, 4 };
        var vector = new VBuffer<int>(4, values);

        var shorter = VBufferEditor.Create(ref vector, 2);
        shorter.Values[0] = 7;
        Assert.Equal(7, values[0]);
        vector = shorter.Commit();
        Assert.Equal([7, 2], vector.DenseValues());

        var longer = VBufferEditor.Create(ref vector, 6, keepOldOnResize: true);
        Assert.Equal([7, 2], longer.Values[..2].ToArray());
        Assert.Equal(6, longer.Commit().Length);
    }

    [Fact]
    public void Too_few_values_are_refused() => Assert.ThrowsAny<Exception>(() => new VBuffer<int>(3, [1, 2]));
}
