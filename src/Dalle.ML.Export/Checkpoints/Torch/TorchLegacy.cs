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
        var storages = new TorchStorages((_, type, count) => new Storage(type, count));
        var beginning = file.Read("its beginning", 0, Math.Min(file.Length, PickleMachine.MaxBytes), PickleMachine.MaxBytes);
        var machine = new PickleMachine(beginning, TorchGlobals.Find, Load);
        if (machine.Load() is not BigInteger magic || magic != Magic)
            throw new InvalidDataException("it is a pickle, but not one that PyTorch saved: it does not begin with the magic number.");
        machine.Load();
        if (machine.Load() is OrderedDictionary<string, object?> system && system.GetValueOrDefault("little_endian") is false)
            throw new InvalidDataException("it was saved on a big-endian machine, which is not supported.");
        var root = machine.Load();
        if (machine.Load() is not IReadOnlyList<object?> keys)
            throw new InvalidDataException("it lacks the list of its storages.");
        Place(file, machine.Position, keys, storages);
        var tree = StateDictFlattener.Of(root);
        return new StoredCheckpoint(file.Path, tree.Tensors, tree.Settings, [file]);

        // The other kind of persistent id is ('module', class, source file, source): a class with its source text.
        object? Load(object? persistentId)
        {
            if (persistentId is object?[] and ["module", PickleGlobal type, ..])
                return type;
            if (persistentId is object?[] and [.., object?[]])
                throw new InvalidDataException("it has views of storages, which PyTorch stopped writing in version 0.4.");
            return storages.Load(persistentId);
        }
    }

    private static void Place(CheckpointFile file, long offset, IReadOnlyList<object?> keys, TorchStorages storages)
    {
        if (keys.Count != storages.Count || keys.OfType<string>().Distinct().Count() != keys.Count)
            throw new InvalidDataException($"it lists {keys.Count} storages, or one of them twice; its tensors have {storages.Count}.");
        foreach (var key in keys)
        {
            if (storages.Find(key as string) is not { } storage)
                throw new InvalidDataException("it lists a storage that no tensor has.");
            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Read($"the length of storage '{key}'", offset, sizeof(long), sizeof(long)));
            offset += sizeof(long);
            if (count != storage.Count || count > (file.Length - offset) / storage.Type.Size())
                throw new InvalidDataException($"storage '{key}' has {count} elements, not the {storage.Count} of its tensors, or is truncated.");
            storage.Append(file, offset, count);
            offset += count * storage.Type.Size();
        }
    }
}
