using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Tests;

public sealed class TrainingSetTests
{
    [Fact]
    public void What_is_measured_is_never_learnt_from()
    {
        using var set = new TrainingSet(1, [[1, 2, 3], [4, 5, 6], [7, 8, 9]], [["one"], [], ["three"]], [1]);

        Assert.Equal([0, 2], set.Training);
        Assert.Equal([1], set.Validation);
        var pixels = new byte[3];
        set.ReadImage(1, pixels);
        Assert.Equal([4, 5, 6], pixels);
        Assert.Empty(set.Captions(1));
    }
}
