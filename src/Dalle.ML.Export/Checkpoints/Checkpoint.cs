namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Trained weights by name, as a training framework saved them. A name is the path from the root object to the tensor, joined by dots:
/// <c>state_dict.blocks.0.ln1.weight</c>. Data is read tensor by tensor, on demand.
/// </summary>
internal abstract class Checkpoint : IDisposable
{
    /// <summary>The names of all tensors.</summary>
    public abstract IReadOnlyCollection<string> Names { get; }

    /// <summary>
    /// The values saved beside the tensors, by the same kind of path (<c>hparams.dim</c>): <see cref="long"/>, <see cref="double"/>,
    /// <see cref="bool"/>, <see cref="string"/>, null, and lists of these.
    /// </summary>
    public virtual IReadOnlyDictionary<string, object?> Settings => new Dictionary<string, object?>();

    /// <summary>Opens a checkpoint; its content, not its name, determines the format.</summary>
    /// <exception cref="InvalidDataException">It is of no known format, or not well-formed.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static Checkpoint Open(string path) => CheckpointFormats.Open(path);

    public abstract bool Contains(string name);

    /// <summary>The sizes of a tensor, without reading it.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public abstract int[] Shape(string name);

    /// <summary>The sizes of a tensor that must have this rank.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another rank.</exception>
    public virtual int[] Shape(string name, int rank) => Shape(name) is var shape && shape.Length == rank
        ? shape
        : throw new InvalidDataException($"Tensor '{name}' has the shape [{string.Join(", ", shape)}]; its rank must be {rank}.");

    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public abstract Tensor Read(string name);

    /// <summary>Reads a tensor that must have a shape.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor, or it has another shape.</exception>
    public abstract Tensor Read(string name, params int[] shape);

    /// <summary>Reads one entry of a tensor along its first axis: a layer of those that flax stacks.</summary>
    /// <exception cref="InvalidDataException">There is no such tensor or entry, or it has another shape.</exception>
    public abstract Tensor ReadSlice(string name, int index, params int[] shape);

    /// <summary>The tensors and settings whose names begin with a prefix, by the rest of their names. The file is shared: closing the
    /// view leaves it open.</summary>
    public Checkpoint Subtree(string prefix) => new CheckpointView(this, prefix);

    public abstract void Dispose();
}
