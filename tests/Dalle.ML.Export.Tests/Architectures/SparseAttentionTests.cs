using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Architectures;

public sealed class SparseAttentionTests
{
    [Fact]
    public void The_papers_last_layer_alone_sees_squares()
    {
        var patterns = Enumerable.Range(0, 64).Select(layer => SparseAttention.PatternOf(layer, 64)).ToArray();
        Assert.Equal(16, patterns.Count(pattern => pattern == SparsePattern.Column));
        Assert.Equal([1, 5, 9], patterns.Index().Where(layer => layer.Item == SparsePattern.Column).Take(3).Select(layer => layer.Index));
        Assert.Equal(63, patterns.Index().Single(layer => layer.Item == SparsePattern.Convolutional).Index);
    }

    [Fact]
    public void A_last_layer_whose_turn_is_columns_sees_columns() =>
        Assert.Equal([SparsePattern.Row, SparsePattern.Column], Enumerable.Range(0, 2).Select(layer => SparseAttention.PatternOf(layer, 2)));
}
