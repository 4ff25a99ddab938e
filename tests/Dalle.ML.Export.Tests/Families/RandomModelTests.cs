using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Random weights of a geometry give a bundle that draws, whatever the family.</summary>
public sealed class RandomModelTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Families() =>
        BundleExporter.Families.Where(family => BundleExporter.SizesOf(family).Contains("tiny")).Select(family => new TheoryDataRow<string>(family));

    [Theory]
    [MemberData(nameof(Families))]
    public void A_tiny_random_model_draws(string family)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.ExportRandom(family, "tiny", output);
        using var model = DalleModel.Load(output);
        using var image = model.Generate("a tiny cat", seed: 1);
        Assert.True(image.Tokens.Distinct().Count() > image.Tokens.Count / 2);
        Assert.Equal(model.Info.ImageWidth, image.Image.Width);
    }

    [Fact]
    public void The_same_size_gives_the_same_weights()
    {
        var (first, second) = (Path.Combine(_folder.Path, "first"), Path.Combine(_folder.Path, "second"));
        BundleExporter.ExportRandom("dalle", "tiny", first);
        BundleExporter.ExportRandom("dalle", "tiny", second);
        Assert.Equal(File.ReadAllBytes(Path.Combine(first, "dalle.json")), File.ReadAllBytes(Path.Combine(second, "dalle.json")));
    }
}
