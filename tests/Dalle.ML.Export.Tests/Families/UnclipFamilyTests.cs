using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>Folders that are no DALL·E 2 of ours; UnclipRecipeTests has one that is.</summary>
public sealed class UnclipFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("not JSON")]
    [InlineData("""{"name":"x","text":{"lowercase":true,"vocab_size":400,"length":99999},"clip":{"file":"clip","embedding":192,"image_size":64},"prior":{"file":"p","heads":2,"steps":25,"guidance":2,"clamp":5},"decoder":{"file":"d","size":32,"steps":25,"head_size":32}}""")]
    public void A_configuration_that_is_none_is_named(string json)
    {
        var file = Path.Combine(_folder.Path, "config.json");
        File.WriteAllText(file, json);
        var error = Assert.Throws<InvalidDataException>(() => Export(new ExportOptions()));
        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains("unclip", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Precisions_below_16_bits_are_refused() =>
        Assert.Contains("int8", Assert.Throws<ArgumentException>(() => Export(new ExportOptions { Precision = Precision.Int8 })).Message, StringComparison.Ordinal);

    private void Export(ExportOptions options) => BundleExporter.Export("unclip", [_folder.Path], Path.Combine(_folder.Path, "bundle"), options);
}
