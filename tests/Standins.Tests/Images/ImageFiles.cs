using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Images;

/// <summary>A folder of PNG files that is gone after the test.</summary>
internal sealed class ImageFiles : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory().FullName;

    public string Add(string name, MLImage image)
    {
        image.Save(Path.Combine(Folder, name));
        image.Dispose();
        return name;
    }

    /// <summary>Rows of one column, Path.</summary>
    public static IDataView Paths(MLContext ml, params string[] paths) =>
        ml.Data.LoadFromEnumerable(paths.Select(path => new PathRow { Path = path }));

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private sealed class PathRow
    {
        public string? Path { get; set; }
    }
}
