using System.IO.Compression;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>A folder of a model file, from which one component is loaded.</summary>
internal sealed class ModelLoadContext
{
    private readonly ZipArchive _archive;
    private readonly string _folder;

    private ModelLoadContext(ZipArchive archive, string folder, BinaryReader reader)
    {
        _archive = archive;
        _folder = folder;
        Reader = reader;
    }

    /// <summary>What the component wrote.</summary>
    internal BinaryReader Reader { get; }

    internal static ITransformer Load(IHostEnvironment env, ZipArchive archive, string folder)
    {
        var entry = archive.GetEntry(folder + ModelSaveContext.ComponentEntry)
            ?? throw new FormatException($"This is not a model, or one that has lost its part '{folder}'.");
        using var reader = new BinaryReader(entry.Open());
        var loader = ModelLoaderAttribute.Find(assemblyName: reader.ReadString(), name: reader.ReadString());
        return loader.Load(env, new ModelLoadContext(archive, folder, reader));
    }

    internal ITransformer LoadChild(IHostEnvironment env, string name) => Load(env, _archive, $"{_folder}{name}/");

    /// <summary>A count that was written as an integer.</summary>
    internal int ReadCount()
    {
        var count = Reader.ReadInt32();
        return count >= 0 ? count : throw new FormatException($"The model's part '{_folder}' is corrupt: a count of {count}.");
    }
}
