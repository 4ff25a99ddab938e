using Dalle.ML.Bundles;
using Dalle.ML.Tests;
using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Export.Tests.Families;

public sealed class DalleMiniFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Prompts_are_cleaned_and_images_decoded_as_the_project_does()
    {
        BundleExporter.ExportRandom("dalle-mini", "tiny", _folder.Path);
        var manifest = Bundle.Open(_folder.Path).Manifest;
        Assert.Equal(" creme brulee, fire", TextCleaner.Clean("Crème &amp;lt;b&gt;BRÛLÉE 🔥", manifest.Text!.Cleaning));
        Assert.Equal([manifest.Image!.CodebookSize], manifest.Decoder!.Start);
        Assert.Equal((10, 0, 1, 1), (manifest.Sampling.Guidance, manifest.Sampling.TopK, manifest.Sampling.Temperature, manifest.Sampling.TopP));
        Assert.Equal(UnconditionalPrompt.Empty, manifest.Text.Unconditional);
        Assert.True(manifest.Text.KeepEnd);
    }
}
