using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

public sealed class KarloFamilyTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Output => Path.Combine(_folder.Path, "bundle");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Fp16)]
    public void Random_weights_make_a_bundle_that_draws_and_ranks(Precision precision)
    {
        BundleExporter.ExportRandom("karlo", "tiny", Output, new ExportOptions { Precision = precision });
        using var model = DalleModel.Load(Output);
        Assert.True(model.Info is { CanGenerate: true, HasClip: true });
        using var image = model.Generate("a tiny cat", seed: 1);
        Assert.Equal(64, image.Image.Width);
        Assert.True(image.Image.Pixels.ToArray().Distinct().Count() > 16);
        Assert.True(float.IsFinite(model.Score("a tiny cat", image.Image)));
        using var other = model.Generate("two large dogs", seed: 1);
        Assert.False(image.Image.Pixels.SequenceEqual(other.Image.Pixels), "The prompt makes no difference.");
    }

    [Fact]
    public void The_two_graphs_of_the_prior_share_their_weights()
    {
        BundleExporter.ExportRandom("karlo", "tiny", Output);
        var files = Bundle.Open(Output).Manifest.Files.Keys;
        Assert.Contains("prior.weights", files);
        Assert.DoesNotContain("prior_condition.weights", files);
    }

    [Theory]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Fewer_bits_than_sixteen_are_refused(Precision precision)
    {
        var error = Assert.Throws<ArgumentException>(() => BundleExporter.ExportRandom("karlo", "tiny", Output, new ExportOptions { Precision = precision }));
        Assert.Contains("fp32 or fp16", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(48, null)]
    [InlineData(48, 5)]
    public void Heads_that_do_not_fit_are_refused_with_where_their_number_comes_from(int width, int? heads)
    {
        var error = Assert.Throws<InvalidDataException>(() => KarloPrior.HeadsOf(width, heads));
        Assert.Contains("config.json", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_of_another_model_is_refused_by_name()
    {
        var other = Path.Combine(_folder.Path, "other.safetensors");
        Checkpoints.SafetensorsWriter.Write(other, new Dictionary<string, Export.Checkpoints.Tensor> { ["learned_query"] = new([1], isFloat16: false, 1) });
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("karlo", [other], Output));
        Assert.Contains(other, error.Message, StringComparison.Ordinal);
        Assert.Contains("'dalle2-pytorch'", error.Message, StringComparison.Ordinal);
    }
}
