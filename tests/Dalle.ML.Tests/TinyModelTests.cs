using Dalle.ML.PipelineHost;

namespace Dalle.ML.Tests;

/// <summary>What runs on the tiny model says something only if its outputs differ where its inputs do.</summary>
public sealed class TinyModelTests
{
    [Fact]
    public void Prompts_seeds_and_images_make_a_difference()
    {
        using var model = TinyModel.Load();
        using var builtIn = DalleModel.LoadDefault();
        Assert.Equal(Outside(builtIn.Info), Outside(model.Info));
        GenerationRequest[] requests = [new("a cat", 1), new("a dog", 1), new("a cat", 2)];
        var images = model.GenerateBatch(requests, new GenerationOptions { Candidates = 1 }).ToArray();
        Assert.Equal(3, images.DistinctBy(image => ColumnText.Of(image.Image)).Count());
        Assert.All(images, image => Assert.True(image.Tokens.Distinct().Count() > 16));
        Assert.All(images, image => Assert.True(image.Image.Pixels.ToArray().Distinct().Count() > 64));
        Assert.Equal(3, images.DistinctBy(image => string.Join(',', model.EncodeImage(image.Image))).Count());
        Assert.Equal(3, images.DistinctBy(image => image.Score).Count());

        static DalleModelInfo Outside(DalleModelInfo info) =>
            // Tests are fast because its images are smaller.
            info with { ImageWidth = 0, ImageHeight = 0, TokenRows = 0, TokenColumns = 0, CodebookSize = 0, Defaults = null!, Name = "", Description = null, License = null, Provenance = null, Path = "", Hash = "", ClipScale = null, Vocabulary = null };
    }
}
