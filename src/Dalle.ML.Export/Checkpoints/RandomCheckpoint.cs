namespace Dalle.ML.Export.Checkpoints;

internal sealed class RandomCheckpoint(string seed) : Checkpoint
{
    public override IReadOnlyCollection<string> Names => [];

    public override bool Contains(string name) => true;

    public override int[] Shape(string name) => throw new NotSupportedException();

    public override Tensor Read(string name) => throw new NotSupportedException();

    public override Tensor Read(string name, params int[] shape)
    {
        var random = new Random(StringComparer.Ordinal.GetHashCode(seed + name));
        var values = new float[shape.Aggregate(1, (a, b) => a * b)];
        for (var i = 0; i < values.Length; i++)
            values[i] = (random.NextSingle() - 0.5f) * 0.05f;
        return new Tensor(values, false, shape);
    }
}
