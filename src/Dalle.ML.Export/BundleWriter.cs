using Dalle.ML.Export.Graph;
using Dalle.ML.Models;

namespace Dalle.ML.Export;

/// <summary>Fills a folder with the files of a bundle, then describes them in its manifest.</summary>
internal sealed class BundleWriter(string folder)
{
    private readonly List<string> _files = [];

    /// <summary>Starts a graph; its weights go to a file of the same name beside it.</summary>
    public GraphBuilder Graph(string file)
    {
        _files.Add(file);
        _files.Add(Path.ChangeExtension(file, ".weights"));
        return new GraphBuilder(Path.Combine(folder, file));
    }

    public void Copy(string source)
    {
        _files.Add(Path.GetFileName(source));
        // Not File.Copy, which would carry a read-only mark along.
        File.WriteAllBytes(Path.Combine(folder, Path.GetFileName(source)), File.ReadAllBytes(source));
    }

    /// <summary>Writes the manifest, last: a folder without one is no bundle.</summary>
    public void Finish(Manifest manifest)
    {
        var files = new SortedDictionary<string, FileRecord>(StringComparer.Ordinal);
        foreach (var file in _files)
            files.Add(file, Bundle.Describe(Path.Combine(folder, file)));
        File.WriteAllBytes(Path.Combine(folder, Bundle.ManifestName), (manifest with { Files = files }).ToJson());
    }
}
