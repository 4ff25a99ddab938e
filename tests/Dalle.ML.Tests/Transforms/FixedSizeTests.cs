using Dalle.ML.Transforms.Rows;
using Dalle.ML.Transforms.Saving;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>Vectors of a known size in saved pipelines.</summary>
public sealed class FixedSizeTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(512)]
    [InlineData(640)]
    [InlineData(32, 32)]
    [InlineData(16, 16)]
    [InlineData(12, 20)]
    [InlineData(3, 8, 8)]
    public void A_vector_of_any_size_has_it_before_and_after_saving(params int[] dimensions)
    {
        var ml = new MLContext();
        var type = VectorShape.TypeOf(NumberDataViewType.Single, dimensions);
        Assert.Equal(dimensions.Aggregate((a, b) => a * b), type.Size);
        var values = Enumerable.Range(0, type.Size).Select(i => i / 3f).ToArray();
        var data = ml.Data.LoadFromEnumerable([new Row { Values = values }, new Row { Values = [.. values.Reverse()] }]);
        var chain = FixedSize.Copy(ml.Transforms, "Out", "Values", type).Aggregate(new EstimatorChain<ITransformer>(), (steps, step) => steps.Append(step));
        using var stream = new MemoryStream();
        ml.Model.Save(chain.Fit(data), data.Schema, stream);
        stream.Position = 0;
        var loaded = new MLContext().Model.Load(stream, out _).Transform(data);
        Assert.Equal(type, loaded.Schema["Out"].Type);
        Assert.Equal(data.GetColumn<float[]>("Values"), loaded.GetColumn<float[]>("Out"));
    }

    [Fact]
    public void A_vector_that_no_column_can_hold_is_refused() =>
        Assert.Throws<NotSupportedException>(() => VectorShape.TypeOf(NumberDataViewType.Byte, [512, 1024, 1024, 4]));

    private sealed class Row
    {
        public float[] Values { get; set; } = [];
    }
}
