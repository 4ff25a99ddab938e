using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests;

public sealed class BundleExporterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_same_weights_give_the_same_bytes_and_an_export_replaces_its_own_files_alone()
    {
        var (first, second) = (Path.Combine(_folder.Path, "first"), Path.Combine(_folder.Path, "second"));
        var options = new ExportOptions { Name = "mine" };
        BundleExporter.ExportRandom("dalle", "tiny", first, options);
        BundleExporter.ExportRandom("dalle", "tiny", second, options);
        var files = Directory.GetFiles(first).Select(Path.GetFileName).ToArray();
        Assert.Contains("dalle.json", files);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(first, file!)), File.ReadAllBytes(Path.Combine(second, file!))));

        File.WriteAllText(Path.Combine(first, "README.md"), "mine");
        BundleExporter.ExportRandom("dalle", "tiny", first, options with { Name = "other" });
        Assert.Equal("mine", File.ReadAllText(Path.Combine(first, "README.md")));
        using var again = DalleModel.Load(first);
        Assert.Equal("other", again.Info.Name);
        Assert.Empty(Directory.GetDirectories(_folder.Path, "*.partial"));
    }

    [Fact]
    public void What_is_no_checkpoint_is_refused_and_leaves_nothing()
    {
        var (source, output) = (Path.Combine(_folder.Path, "source"), Path.Combine(_folder.Path, "output"));
        Assert.Throws<FileNotFoundException>(() => BundleExporter.Export("dalle", [source], output));
        Directory.CreateDirectory(source);
        Assert.Throws<ArgumentException>(() => BundleExporter.Export("imagen", [source], output));
        Assert.ThrowsAny<IOException>(() => BundleExporter.Export("dalle", [source], output));
        File.WriteAllText(Path.Combine(source, "config.json"), "{}");
        Assert.ThrowsAny<InvalidDataException>(() => BundleExporter.Export("dalle", [source], output));
        Assert.Equal([source], Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void A_folder_with_other_things_is_not_overwritten()
    {
        var output = Directory.CreateDirectory(Path.Combine(_folder.Path, "output")).FullName;
        File.WriteAllText(Path.Combine(output, "thesis.txt"), "years of work");
        Assert.Contains("not empty", Assert.Throws<IOException>(() => BundleExporter.Export("dalle", [_folder.Path], output)).Message, StringComparison.Ordinal);
        Assert.Equal("years of work", File.ReadAllText(Path.Combine(output, "thesis.txt")));
    }
}
