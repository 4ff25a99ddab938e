using Microsoft.Data.Analysis;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>Tables of Microsoft.Data.Analysis in front of components and behind them.</summary>
public sealed class DataFrameTests(Drawings drawings)
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void A_frame_of_prompts_and_seeds_is_generated_from()
    {
        var frame = new DataFrame(
            new StringDataFrameColumn("Prompt", ["a red heart", "two foxes"]), new UInt64DataFrameColumn("RowSeed", [3ul, 1ul << 60]));
        var options = new GenerationOptions { Candidates = 1 };
        var estimator = _ml.Transforms.DalleGenerate(new()
        {
            InputColumnName = "Prompt",
            InputSeedColumnName = "RowSeed",
            TokensColumnName = "Tokens",
            ScoreColumnName = "Score",
            Generation = options,
        });
        using var transformer = estimator.Fit(frame);
        var view = transformer.Transform(frame);

        GeneratedImage[] expected = [drawings.Model.Generate("a red heart", 3, options), drawings.Model.Generate("two foxes", 1ul << 60, options)];
        Assert.Equal(expected.Select(image => Pixels(image.Image)), view.GetColumn<MLImage>("Image").Select(Pixels));

        // A frame has no columns of images: they are left out, the rest becomes one.
        Assert.Throws<NotSupportedException>(() => view.ToDataFrame());
        var numbers = _ml.Transforms.SelectColumns("Prompt", "Score", "Tokens").Fit(view).Transform(view).ToDataFrame();
        Assert.Equal(["a red heart", "two foxes"], numbers["Prompt"].Cast<string>());
        Assert.Equal(expected.Select(image => image.Score), numbers["Score"].Cast<float>());
        Assert.Equal(expected.Select(image => image.Tokens), numbers["Tokens"].Cast<VBuffer<int>>().Select(tokens => tokens.DenseValues().ToArray()));
    }

    [Fact]
    public void A_frame_of_texts_is_embedded_and_an_empty_cell_is_an_empty_text()
    {
        var frame = new DataFrame(new StringDataFrameColumn("Prompt", ["a cat", null]));
        using var transformer = _ml.Transforms.ClipEmbedText("Embedding", "Prompt").Fit(frame);
        var embedded = transformer.Transform(frame).ToDataFrame();
        Assert.Equal(
            [drawings.Model.EmbedText("a cat"), drawings.Model.EmbedText("")],
            embedded["Embedding"].Cast<VBuffer<float>>().Select(embedding => embedding.DenseValues().ToArray()));
    }

    private static string Pixels(MLImage image)
    {
        using (image)
            return Convert.ToHexString(image.Pixels);
    }
}
