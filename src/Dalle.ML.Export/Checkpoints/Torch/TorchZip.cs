namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Reads what <c>torch.save</c> and TorchScript write since PyTorch 1.6: a zip file of <c>data.pkl</c>, which is the pickle of the saved
/// object, and <c>data/KEY</c>, the raw elements of each storage that it refers to.
/// </summary>
/// <remarks>Format: PyTorch's <c>torch/serialization.py</c> and <c>caffe2/serialize</c>.</remarks>
internal static class TorchZip
{
    private const string Pickle = "data.pkl";

    /// <exception cref="InvalidDataException">It is not well-formed, or its pickle asks for what is not allowed.</exception>
    public static StoredCheckpoint Read(CheckpointFile file)
    {
        var zip = ZipDirectory.Read(file);
        var pickle = zip.Names.FirstOrDefault(name => name == Pickle || name.EndsWith("/" + Pickle, StringComparison.Ordinal))
            ?? throw new InvalidDataException($"it is a zip file without a '{Pickle}', not one of PyTorch.");
        var root = pickle[..^Pickle.Length];
        if (zip.Contains(root + "byteorder") && !Content(root + "byteorder").AsSpan().StartsWith("little"u8))
            throw new InvalidDataException("it was saved on a big-endian machine, which is not supported.");

        var places = new List<(long Offset, long Length)>();
        var storages = new TorchStorages((key, type, _) =>
        {
            var place = zip.Find($"{root}data/{key}");
            places.Add(place);
            return Storage.Of(file, type, place.Offset, place.Length);
        });
        var tree = StateDictFlattener.Of(new PickleMachine(Content(pickle), TorchGlobals.Find, storages.Load).Load());
        places.Sort();
        if (places.Zip(places.Skip(1)).Any(pair => pair.First.Offset + pair.First.Length > pair.Second.Offset))
            throw new InvalidDataException("its storages overlap.");
        return new StoredCheckpoint(file.Path, tree.Tensors, tree.Settings, [file]);

        byte[] Content(string name)
        {
            var (offset, length) = zip.Find(name);
            return file.Read($"entry '{name}'", offset, length, PickleMachine.MaxBytes);
        }
    }
}
