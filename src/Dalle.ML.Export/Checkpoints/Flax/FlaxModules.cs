namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// A checkpoint of flax's modules under PyTorch's names and in its shapes: a dense kernel [in, out] becomes a weight [out, in], a
/// convolution's [height, width, in, out] one of [out, in, height, width]; a norm's scale and an embedding are weights as well.
/// </summary>
internal sealed class FlaxModules : Checkpoint
{
    /// <summary>Stands for the number of a layer in the name of a module whose layers are stacked along the first axis.</summary>
    public const string Layer = "*";

    private const int MaxLayers = 1024;

    private readonly Checkpoint _flax;
    private readonly Dictionary<string, Place> _places = [];

    /// <param name="flax">The checkpoint; it stays the caller's.</param>
    /// <param name="rename">From flax's name of a module, which ends in a dot, to PyTorch's.</param>
    /// <exception cref="InvalidDataException">A tensor that should be a stack of layers is not one.</exception>
    public FlaxModules(Checkpoint flax, Func<string, string> rename)
    {
        _flax = flax;
        foreach (var name in flax.Names)
        {
            var module = name[..(name.LastIndexOf('.') + 1)];
            var parameter = name[module.Length..];
            var renamed = rename(module) + (parameter is "kernel" or "scale" or "embedding" ? "weight" : parameter);
            var shape = flax.Shape(name);
            if (!renamed.Contains(Layer, StringComparison.Ordinal))
                _places[renamed] = new Place(name, null, shape);
            else if (shape is not [> 0 and <= MaxLayers, ..])
                throw new InvalidDataException($"Tensor '{name}' of shape [{string.Join(", ", shape)}] is not a stack of 1 to {MaxLayers} layers.");
            else
            {
                for (var layer = 0; layer < shape[0]; layer++)
                    _places[renamed.Replace(Layer, $"{layer}", StringComparison.Ordinal)] = new Place(name, layer, shape[1..]);
            }
        }
    }

    public override IReadOnlyCollection<string> Names => _places.Keys;

    public override bool Contains(string name) => _places.ContainsKey(name);

    public override int[] Shape(string name)
    {
        var place = Find(name);
        return place.Axes is { } axes ? [.. axes.Select(axis => place.Shape[axis])] : place.Shape;
    }

    public override Tensor Read(string name)
    {
        var place = Find(name);
        var tensor = place.Layer is { } layer ? _flax.ReadSlice(place.Name, layer, place.Shape) : _flax.Read(place.Name);
        return place.Axes is { } axes ? tensor.Transpose(axes) : tensor;
    }

    public override Tensor Read(string name, params int[] shape) => Shape(name).SequenceEqual(shape)
        ? Read(name)
        : throw new InvalidDataException(
            $"Tensor '{Find(name).Name}', '{name}' of PyTorch, has the shape [{string.Join(", ", Shape(name))}]; "
            + $"[{string.Join(", ", shape)}] was expected.");

    /// <exception cref="NotSupportedException">Always: layers are separate tensors.</exception>
    public override Tensor ReadSlice(string name, int index, params int[] shape) =>
        throw new NotSupportedException($"'{name}' is not a stack of layers.");

    public override void Dispose()
    {
    }

    private Place Find(string name) => _places.TryGetValue(name, out var place)
        ? place
        : throw new InvalidDataException(
            $"The checkpoint has no tensor that is PyTorch's '{name}'. It has {string.Join(", ", _flax.Names.Take(4))}, …");

    /// <param name="Name">Of flax's tensor.</param>
    /// <param name="Layer">The entry along its first axis.</param>
    /// <param name="Shape">Flax's, of the entry.</param>
    private sealed record Place(string Name, int? Layer, int[] Shape)
    {
        /// <summary>The order of flax's axes that is PyTorch's; null where it is the same.</summary>
        public int[]? Axes => (Name.EndsWith(".kernel", StringComparison.Ordinal), Shape.Length) switch
        {
            (true, 2) => [1, 0],
            (true, 4) => [3, 2, 0, 1],
            _ => null,
        };
    }
}
