using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests;

public sealed class BundleExporterTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_built_in_bundle_comes_out_byte_for_byte_again()
    {
        // The trained weights lie beside the repository, not in it: the bundle holds them already.
        var root = new DirectoryInfo(AppContext.BaseDirectory);
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "Dalle.ML.sln")))
            root = root.Parent;
        var weights = Path.Combine(root?.Parent?.FullName ?? "", "shared", "models", "emoji-64");
        if (!Directory.Exists(weights))
            Assert.Skip($"The trained weights are not at '{weights}'.");

        var output = Path.Combine(_folder.Path, "bundle");
        using var model = DalleModel.LoadDefault();
        BundleExporter.Export("dalle", [weights], output, new ExportOptions
        {
            Name = model.Info.Name,
            Description = model.Info.Description,
            License = model.Info.License,
            Provenance = model.Info.Provenance,
        });
        var files = Directory.GetFiles(output).Select(Path.GetFileName).ToArray();
        Assert.Contains("dalle.json", files);
        Assert.All(files, file => Assert.Equal(File.ReadAllBytes(Path.Combine(DalleModel.DefaultPath, file!)), File.ReadAllBytes(Path.Combine(output, file!))));

        // Once more over itself, with a file that is not the bundle's own.
        File.WriteAllText(Path.Combine(output, "README.md"), "mine");
        BundleExporter.Export("dalle", [weights], output);
        Assert.Equal("mine", File.ReadAllText(Path.Combine(output, "README.md")));
        using var again = DalleModel.Load(output);
        Assert.Equal("emoji64", again.Info.Name);
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
