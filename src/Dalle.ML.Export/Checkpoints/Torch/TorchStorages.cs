namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// The storages that a pickle of PyTorch refers to by persistent ids ('storage', type, key, device, number of elements). Tensors may
/// share one.
/// </summary>
/// <param name="create">Makes the storage of a key, type and number of elements that is met for the first time.</param>
internal sealed class TorchStorages(Func<string, ElementType, long, Storage> create)
{
    private readonly Dictionary<string, Storage> _storages = [];

    public static IReadOnlyDictionary<string, ElementType> Types { get; } = new Dictionary<string, ElementType>
    {
        ["torch.BoolStorage"] = ElementType.Bool,
        ["torch.ByteStorage"] = ElementType.U8,
        ["torch.CharStorage"] = ElementType.I8,
        ["torch.ShortStorage"] = ElementType.I16,
        ["torch.IntStorage"] = ElementType.I32,
        ["torch.LongStorage"] = ElementType.I64,
        ["torch.HalfStorage"] = ElementType.F16,
        ["torch.BFloat16Storage"] = ElementType.BF16,
        ["torch.FloatStorage"] = ElementType.F32,
        ["torch.DoubleStorage"] = ElementType.F64,
    };

    public int Count => _storages.Count;

    public Storage? Find(string? key) => key is null ? null : _storages.GetValueOrDefault(key);

    /// <exception cref="InvalidDataException">The persistent id is not that of a storage, or contradicts an earlier one or the file.</exception>
    public Storage Load(object? persistentId)
    {
        if (persistentId is not object?[] id || id is not ["storage", PickleGlobal global, string key, _, long and >= 0 and var count, ..]
            || !Types.TryGetValue(global.Name, out var type))
            throw new InvalidDataException("its pickle has a persistent id that is not a storage of a known type.");
        if (!_storages.TryGetValue(key, out var storage))
            _storages.Add(key, storage = create(key, type, count));
        return storage.Type == type && storage.Count == count ? storage : throw new InvalidDataException(
            $"its pickle takes storage '{key}' for {count} elements of type {type}; it has {storage.Count} of type {storage.Type}.");
    }
}
