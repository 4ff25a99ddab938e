using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class TensorTests
{
    [Fact]
    public void Transpose_reorders_axes()
    {
        var tensor = new Tensor([.. Enumerable.Range(0, 24).Select(i => (float)i)], isFloat16: false, 2, 3, 4);
        var transposed = tensor.Transpose(2, 0, 1);
        Assert.Equal([4, 2, 3], transposed.Shape);
        for (var i = 0; i < 2; i++)
            for (var j = 0; j < 3; j++)
                for (var k = 0; k < 4; k++)
                    Assert.Equal(tensor.Values[(i * 3 + j) * 4 + k], transposed.Values[(k * 2 + i) * 3 + j]);
    }

    [Fact]
    public void Concat_is_half_only_if_all_parts_are()
    {
        var (half, full) = (new Tensor([1, 2], isFloat16: true, 1, 2), new Tensor([3, 4], isFloat16: false, 1, 2));
        Assert.True(Tensor.Concat(half, half).IsFloat16);
        var mixed = Tensor.Concat(half, full);
        Assert.False(mixed.IsFloat16);
        Assert.Equal([2, 2], mixed.Shape);
        Assert.Equal([1f, 2, 3, 4], mixed.Values);
    }

    [Fact]
    public void Rows_are_a_part_of_the_first_axis()
    {
        var rows = new Tensor([1, 2, 3, 4, 5, 6], isFloat16: true, 3, 2).Rows(1..);
        Assert.Equal([2, 2], rows.Shape);
        Assert.Equal([3f, 4, 5, 6], rows.Values);
        Assert.True(rows.IsFloat16);
    }

    [Fact]
    public void Halves_take_two_bytes_and_floats_four()
    {
        Assert.Equal(6, new Tensor([1, 2, 3], isFloat16: true, 3).ToBytes(asFloat16: true).Length);
        Assert.Equal(12, new Tensor([1, 2, 3], isFloat16: false, 3).ToBytes(asFloat16: false).Length);
    }

    [Fact]
    public void A_shape_must_fit_the_values() => Assert.Throws<ArgumentException>(() => new Tensor([1, 2, 3], isFloat16: false, 2, 2));

    [Fact]
    public void A_convolution_over_folded_blocks_becomes_one_over_pixels()
    {
        // Channel (c, y, x) of the folded image is pixel (y, x) of a block of channel c.
        var weight = new Tensor([.. Enumerable.Range(0, 12 * 9).Select(i => (float)i)], isFloat16: false, 1, 12, 3, 3);
        var unfolded = weight.UnfoldPixelUnshuffle(2);
        Assert.Equal([1, 3, 6, 6], unfolded.Shape);
        for (var channel = 0; channel < 3; channel++)
            for (var y = 0; y < 6; y++)
                for (var x = 0; x < 6; x++)
                    Assert.Equal(
                        weight.Values[((channel * 4 + y % 2 * 2 + x % 2) * 3 + y / 2) * 3 + x / 2],
                        unfolded.Values[(channel * 6 + y) * 6 + x]);
    }
}
