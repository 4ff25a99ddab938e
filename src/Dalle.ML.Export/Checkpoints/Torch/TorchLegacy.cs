using System.Buffers.Binary;
using System.Numerics;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads what <c>torch.save</c> wrote before PyTorch 1.6: pickles of a magic number, the protocol, the machine, the saved object and
/// the keys of its storages, then for each key the number of elements and the raw elements.
/// </summary>
/// <remarks>Format: PyTorch's <c>torch/serialization.py</c>, <c>_legacy_save</c>.</remarks>
internal static class TorchLegacy
{
    private static readonly BigInteger Magic = BigInteger.Parse("119547037146038801333356");

    /// <exception cref="InvalidDataException">It is not well-formed, or its pickle asks for what is not allowed.</exception>
    public static StoredCheckpoint Read(CheckpointFile file)
    {
        var storages = new Dictionary<string, Storage>();
        var machine = new PickleMachine(file.Read("its beginning", 0, Math.Min(file.Length, PickleMachine.MaxBytes), PickleMachine.MaxBytes), TorchGlobals.Find, Load);
        if (machine.Load() is not BigInteger magic || magic != Magic)
            throw new InvalidDataException("it is a pickle, but not one that PyTorch saved: it does not begin with the magic number.");
        machine.Load();
        if (machine.Load() is OrderedDictionary<string, object?> system && system.GetValueOrDefault("little_endian") is false)
            throw new InvalidDataException("it was saved on a big-endian machine, which is not supported.");
        var root = machine.Load();
        if (machine.Load() is not IReadOnlyList<object?> keys)
            throw new InvalidDataException("it lacks the list of its storages.");
        Place(file, machine.Position, keys, storages);
        var tree = ObjectTree.Of(root);
        return new StoredCheckpoint(file.Path, tree.Tensors, tree.Settings, [file]);

        // The other kind of persistent id is ('module', class, source file, source): a class with its source text.
        object? Load(object? persistentId)
        {
            if (persistentId is object?[] and ["module", PickleGlobal type, ..])
                return type;
            if (persistentId is object?[] and [.., object?[]])
                throw new InvalidDataException("it has views of storages, which PyTorch stopped writing in version 0.4.");
            var (key, element, count) = TorchGlobals.Storage(persistentId);
            if (!storages.TryGetValue(key, out var storage))
                storages.Add(key, storage = new Storage(element, count));
            return storage.Type == element && storage.Count == count
                ? storage
                : throw new InvalidDataException($"its pickle takes storage '{key}' for {count} elements of {element}, and for {storage.Count} of {storage.Type} before.");
        }
    }

    private static void Place(CheckpointFile file, long offset, IReadOnlyList<object?> keys, Dictionary<string, Storage> storages)
    {
        foreach (var item in keys)
        {
            if (item is not string key || !storages.Remove(key, out var storage))
                throw new InvalidDataException($"its list of storages has '{item}' twice, or no tensor has it.");
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Read($"the length of storage '{key}'", offset, sizeof(long), sizeof(long)));
            offset += sizeof(long);
            if (count != storage.Count || count > (file.Length - offset) / storage.Type.Size())
                throw new InvalidDataException($"storage '{key}' has {count} elements, not the {storage.Count} of its tensors, or is cut off.");
            storage.Append(file, offset, count);
            offset += count * storage.Type.Size();
        }
        if (storages.Count > 0)
            throw new InvalidDataException($"its list of storages lacks '{storages.Keys.First()}'.");
    }
}
