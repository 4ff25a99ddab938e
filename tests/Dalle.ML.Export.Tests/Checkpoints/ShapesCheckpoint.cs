using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

/// <summary>The names and shapes of a checkpoint, without its data.</summary>
internal sealed class ShapesCheckpoint(IReadOnlyDictionary<string, int[]> shapes) : Checkpoint
{
    public override IReadOnlyCollection<string> Names { get; } = [.. shapes.Keys];

    public override bool Contains(string name) => shapes.ContainsKey(name);

    public override int[] Shape(string name) => shapes[name];

    public override Tensor Read(string name) => throw new NotSupportedException();

    public override Tensor Read(string name, params int[] shape) => throw new NotSupportedException();

    public override Tensor ReadSlice(string name, int index, params int[] shape) => throw new NotSupportedException();

    public override void Dispose()
    {
    }
}
