using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Architectures;

public sealed class AttentionHeadsTests
{
    [Theory]
    [InlineData(1, 8)]
    [InlineData(7, 8)]
    [InlineData(8, 8)]
    [InlineData(20, 24)]
    [InlineData(64, 64)]
    public void A_head_is_padded_to_a_multiple_of_eight_and_its_scores_keep_their_scale(int size, int padded)
    {
        var heads = new AttentionHeads(2, size);
        Assert.Equal(padded, heads.PaddedSize);
        Assert.Equal(1 / MathF.Sqrt(size), heads.Scale ?? 1 / MathF.Sqrt(padded));
        Assert.Equal(size == padded, heads.Scale is null);
        Assert.Equal((2, padded), (heads.Cache(Precision.Int8, layers: 1, capacity: 1).Heads, heads.Cache(Precision.Int8, layers: 1, capacity: 1).HeadSize));
    }

    [Fact]
    public void Zeros_come_behind_each_head()
    {
        var heads = new AttentionHeads(2, 1);
        float[] Spread(float first, float second) => [first, .. new float[7], second, .. new float[7]];
        var outputs = heads.PadOutputs(new Tensor([1, 2, 3, 4], isFloat16: true, 4));
        Assert.Equal([.. Spread(1, 2), .. Spread(3, 4)], outputs.Values);
        Assert.True(outputs.IsFloat16);

        // Of a matrix, rows; of the one that follows, columns.
        var weight = new Tensor([1, 2, 3, 4], isFloat16: false, 2, 2);
        Assert.Equal([1f, 2, .. new float[14], 3, 4, .. new float[14]], heads.PadOutputs(weight).Values);
        Assert.Equal([16, 2], heads.PadOutputs(weight).Shape);
        Assert.Equal([.. Spread(1, 2), .. Spread(3, 4)], heads.PadInputs(weight).Values);
        Assert.Equal([2, 16], heads.PadInputs(weight).Shape);
    }

    [Fact]
    public void Heads_that_need_no_zeros_leave_weights_as_they_are()
    {
        var weight = new Tensor(new float[64], isFloat16: false, 8, 8);
        Assert.Same(weight, new AttentionHeads(1, 8).PadOutputs(weight));
        Assert.Same(weight, new AttentionHeads(1, 8).PadInputs(weight));
    }
}
