namespace Dalle.ML.Export.Checkpoints;

/// <summary>The named tensors of a trained model.</summary>
internal abstract class Checkpoint : IDisposable
{
    public abstract IReadOnlyCollection<string> Names { get; }

    public virtual IReadOnlyDictionary<string, object?> Settings { get; } = new Dictionary<string, object?>();

    public static Checkpoint Open(string path) => Safetensors.Open(path);

    public virtual bool Contains(string name) => Names.Contains(name);

    public abstract int[] Shape(string name);

    public abstract Tensor Read(string name);

    public virtual Tensor Read(string name, params int[] shape)
    {
        var tensor = Read(name);
        return tensor.Shape.AsSpan().SequenceEqual(shape)
            ? tensor
            : throw new InvalidDataException($"The tensor '{name}' has the shape [{string.Join(", ", tensor.Shape)}] where [{string.Join(", ", shape)}] is due.");
    }

    public Checkpoint At(string prefix) => new View(this, prefix);

    public virtual void Dispose()
    {
    }

    private sealed class View(Checkpoint whole, string prefix) : Checkpoint
    {
        public override IReadOnlyCollection<string> Names => [.. whole.Names.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Select(name => name[prefix.Length..])];

        public override bool Contains(string name) => whole.Contains(prefix + name);

        public override int[] Shape(string name) => whole.Shape(prefix + name);

        public override Tensor Read(string name) => whole.Read(prefix + name);

        public override Tensor Read(string name, params int[] shape) => whole.Read(prefix + name, shape);
    }
}
