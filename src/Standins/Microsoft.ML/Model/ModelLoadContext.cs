using System.IO.Compression;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>A folder of a model file, from which one component is loaded.</summary>
internal sealed class ModelLoadContext
{
    /// <summary>Names and options are all that components write; more than this is taken for an attack on the memory.</summary>
    private const int MaxEntryBytes = 4 << 20;

    /// <summary>Chains in chains; deeper ones are taken for an attack on the stack.</summary>
    private const int MaxDepth = 64;

    private readonly ZipArchive _archive;
    private readonly string _folder;
    private readonly int _depth;

    private ModelLoadContext(ZipArchive archive, string folder, int depth, BinaryReader reader)
    {
        _archive = archive;
        _folder = folder;
        _depth = depth;
        Reader = reader;
    }

    /// <summary>What the component wrote.</summary>
    internal BinaryReader Reader { get; }

    internal static ITransformer Load(IHostEnvironment env, ZipArchive archive, string folder) => Load(env, archive, folder, depth: 0);

    internal ITransformer LoadChild(IHostEnvironment env, string name) => Load(env, _archive, $"{_folder}{name}/", _depth + 1);

    /// <summary>Reads an entry whole: what it inflates to is known only then, whatever the archive says of its size.</summary>
    internal static BinaryReader Open(ZipArchiveEntry entry)
    {
        using var packed = entry.Open();
        var content = new MemoryStream();
        Span<byte> block = stackalloc byte[4096];
        for (int read; (read = packed.Read(block)) > 0;)
        {
            content.Write(block[..read]);
            if (content.Length > MaxEntryBytes)
                throw new FormatException($"The model's part '{entry.FullName}' is larger than the {MaxEntryBytes} bytes that are read.");
        }

        content.Position = 0;
        return new BinaryReader(content);
    }

    private static ITransformer Load(IHostEnvironment env, ZipArchive archive, string folder, int depth)
    {
        if (depth > MaxDepth)
            throw new FormatException($"The model's chains are nested more than {MaxDepth} deep.");

        var entry = archive.GetEntry(folder + ModelSaveContext.ComponentEntry)
            ?? throw new FormatException($"This is not a model, or one that has lost its part '{folder}'.");
        using var reader = Open(entry);
        var loader = ModelLoaderAttribute.Find(assemblyName: reader.ReadString(), name: reader.ReadString());
        return loader.Load(env, new ModelLoadContext(archive, folder, depth, reader));
    }
}
