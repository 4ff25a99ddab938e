namespace Dalle.ML.Export.Checkpoints;

/// <summary>A checkpoint whose tensors are at known places in files.</summary>
internal sealed class StoredCheckpoint(
    string path,
    IReadOnlyDictionary<string, StoredTensor> tensors,
    IReadOnlyDictionary<string, object?> settings,
    IReadOnlyList<IDisposable> files) : Checkpoint
{
    public override IReadOnlyCollection<string> Names { get; } = [.. tensors.Keys];

    public override IReadOnlyDictionary<string, object?> Settings => settings;

    public override bool Contains(string name) => tensors.ContainsKey(name);

    public override int[] Shape(string name) => Find(name).Shape;

    public override Tensor Read(string name) => Find(name).Read();

    public override Tensor Read(string name, params int[] shape) => Read(name, Find(name), shape);

    public override Tensor ReadSlice(string name, int index, params int[] shape)
    {
        var whole = Find(name);
        return whole.Shape is [var entries, ..] && index >= 0 && index < entries
            ? Read($"{name}[{index}]", whole.Slice(index), shape)
            : throw new InvalidDataException($"Tensor '{name}' of '{path}' has the shape [{string.Join(", ", whole.Shape)}]: no entry {index}.");
    }

    public override void Dispose()
    {
        foreach (var file in files)
            file.Dispose();
    }

    private Tensor Read(string name, StoredTensor tensor, int[] shape) => tensor.Shape.SequenceEqual(shape)
        ? tensor.Read()
        : throw new InvalidDataException(
            $"Tensor '{name}' of '{path}' has the shape [{string.Join(", ", tensor.Shape)}]; [{string.Join(", ", shape)}] was expected.");

    /// <exception cref="InvalidDataException">There is no such tensor.</exception>
    public StoredTensor Find(string name)
    {
        if (tensors.TryGetValue(name, out var tensor))
            return tensor;
        var near = tensors.Keys.OrderByDescending(other => Likeness(name, other)).Take(4).Select(other => $"'{other}'");
        throw new InvalidDataException(
            $"'{path}' has no tensor '{name}'. {(tensors.Count == 0 ? "It has no tensors." : $"It has {string.Join(", ", near)}, …")}");
    }

    /// <summary>How many characters two names have in common at their beginnings and ends.</summary>
    private static int Likeness(string name, string other) =>
        name.AsSpan().CommonPrefixLength(other) + name.Reverse().Zip(other.Reverse()).TakeWhile(pair => pair.First == pair.Second).Count();
}
