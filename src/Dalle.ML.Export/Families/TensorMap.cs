using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>Builds a checkpoint of other names and layouts over one, whose tensors are still read on demand.</summary>
internal sealed class TensorMap(Checkpoint from)
{
    private static readonly string[] LayerParts = [".weight", ".bias"];

    private readonly Dictionary<string, MappedTensor> _tensors = [];

    /// <summary>A tensor under another name.</summary>
    public void Copy(string to, string name) => _tensors[to] = new MappedTensor(from.Shape(name), () => from.Read(name));

    /// <summary>The weight and the bias of layers, as far as there are any.</summary>
    public void Layers(params (string To, string From)[] layers)
    {
        foreach (var (to, name) in layers)
        {
            foreach (var part in Parts(name))
                Copy(to + part, name + part);
        }
    }

    /// <summary>A linear layer as a convolution over one place: its weight [out, in] becomes [out, in, 1].</summary>
    public void Convolution(string to, string name)
    {
        foreach (var part in Parts(name))
        {
            var shape = Reshaped(from.Shape(name + part), isConvolution: true);
            _tensors[to + part] = new MappedTensor(shape, () => from.Read(name + part).Reshape(shape));
        }
    }

    /// <summary>A matrix the other way round.</summary>
    public void Transpose(string to, string name)
    {
        var shape = from.Shape(name, rank: 2);
        _tensors[to] = new MappedTensor([shape[1], shape[0]], () => from.Read(name).Transpose(1, 0));
    }

    /// <summary>Tensors behind each other.</summary>
    public void Stack(string to, params string[] names)
    {
        var shape = from.Shape(names[0]);
        _tensors[to] = new MappedTensor([names.Length * shape[0], .. shape[1..]], () => Stacked(names, shape));
    }

    /// <summary>Linear layers as one, each of whose heads has the rows of all: <see cref="KarloLayers.JoinHeads"/>.</summary>
    public void Heads(string to, int heads, bool isConvolution, params string[] names)
    {
        foreach (var part in Parts(names[0]))
        {
            var shape = from.Shape(names[0] + part);
            int[] stacked = [names.Length * shape[0], .. shape[1..]];
            if (heads < 1 || shape[0] % heads != 0)
                throw new InvalidDataException($"Tensor '{names[0]}{part}' has {shape[0]} rows, which are not {heads} equal heads.");
            var result = Reshaped(stacked, isConvolution);
            _tensors[to + part] = new MappedTensor(result, () => Stacked([.. names.Select(name => name + part)], shape).JoinHeads(heads, names.Length).Reshape(result));
        }
    }

    /// <summary>Adds the tensors of another map.</summary>
    public void Add(TensorMap other)
    {
        foreach (var (name, tensor) in other._tensors)
            _tensors[name] = tensor;
    }

    public Checkpoint ToCheckpoint() => new MappedCheckpoint(_tensors);

    private IEnumerable<string> Parts(string name) => LayerParts.Where(part => from.Contains(name + part));

    private Tensor Stacked(string[] names, int[] shape) => Tensor.Concat([.. names.Select(name => from.Read(name, shape))]);

    private static int[] Reshaped(int[] shape, bool isConvolution) => isConvolution && shape.Length == 2 ? [.. shape, 1] : shape;
}

/// <summary>A tensor that is made of others when it is read.</summary>
internal sealed record MappedTensor(int[] Shape, Func<Tensor> Read);

/// <summary>A checkpoint whose tensors are made of those of others.</summary>
internal sealed class MappedCheckpoint(IReadOnlyDictionary<string, MappedTensor> tensors) : Checkpoint
{
    public override IReadOnlyCollection<string> Names { get; } = [.. tensors.Keys];

    public override bool Contains(string name) => tensors.ContainsKey(name);

    public override int[] Shape(string name) => Find(name).Shape;

    public override Tensor Read(string name) => Find(name).Read();

    public override Tensor Read(string name, params int[] shape) => Find(name) is var tensor && tensor.Shape.SequenceEqual(shape)
        ? tensor.Read()
        : throw new InvalidDataException($"Tensor '{name}', by its original name, has the shape [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape)}] was expected.");

    /// <exception cref="NotSupportedException">Always: only flax stacks layers.</exception>
    public override Tensor ReadSlice(string name, int index, params int[] shape) => throw new NotSupportedException();

    public override void Dispose()
    {
    }

    private MappedTensor Find(string name) => tensors.GetValueOrDefault(name)
        ?? throw new InvalidDataException($"The checkpoint has nothing that would be '{name}' by its original name: it is incomplete, or of another model.");
}
