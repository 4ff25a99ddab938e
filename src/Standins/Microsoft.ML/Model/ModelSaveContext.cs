using System.IO.Compression;

namespace Microsoft.ML;

/// <summary>A folder of a model file, in which one component saves itself.</summary>
public sealed class ModelSaveContext : IDisposable
{
    internal const string ComponentEntry = "Component";

    private readonly ZipArchive _archive;
    private readonly string _folder;
    private bool _saved;

    internal ModelSaveContext(ZipArchive archive, string folder)
    {
        _archive = archive;
        _folder = folder;
    }

    public void Dispose()
    {
    }

    /// <summary>Saves a component into a folder of its own.</summary>
    internal static void Save(ZipArchive archive, string folder, ICanSaveModel component)
    {
        using var context = new ModelSaveContext(archive, folder);
        component.Save(context);
        if (!context._saved)
            throw new InvalidOperationException($"{component.GetType().Name} saved nothing, so a model with it could not be loaded.");
    }

    /// <summary>Writes which loader reads this component, and what that loader will read.</summary>
    internal void Write<TLoader>(Action<BinaryWriter> write) where TLoader : IModelLoader
    {
        if (_saved)
            throw new InvalidOperationException("A component can save itself once only.");
        _saved = true;

        using var writer = new BinaryWriter(_archive.CreateEntry(_folder + ComponentEntry).Open());
        writer.Write(typeof(TLoader).Assembly.GetName().Name);
        writer.Write(TLoader.Name);
        write(writer);
    }

    internal void WriteChild(string name, ICanSaveModel child) => Save(_archive, $"{_folder}{name}/", child);
}
