namespace Dalle.ML.Export.Checkpoints;

/// <summary>The part of a checkpoint whose names begin with a prefix.</summary>
internal sealed class CheckpointView(Checkpoint whole, string prefix) : Checkpoint
{
    public override IReadOnlyCollection<string> Names { get; } =
        [.. whole.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])];

    public override IReadOnlyDictionary<string, object?> Settings { get; } =
        whole.Settings.Where(setting => setting.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(setting => setting.Key[prefix.Length..], setting => setting.Value);

    public override bool Contains(string name) => whole.Contains(prefix + name);

    public override int[] Shape(string name) => whole.Shape(prefix + name);

    public override int[] Shape(string name, int rank) => whole.Shape(prefix + name, rank);

    public override Tensor Read(string name) => whole.Read(prefix + name);

    public override Tensor Read(string name, params int[] shape) => whole.Read(prefix + name, shape);

    public override Tensor ReadSlice(string name, int index, params int[] shape) => whole.ReadSlice(prefix + name, index, shape);

    public override void Dispose()
    {
    }
}
