using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>Components together, and with ML.NET's own.</summary>
public sealed class PipelineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Prompts_of_a_file_become_features_of_the_best_of_eight_candidates()
    {
        var csv = Path.Combine(_folder.Path, "prompts.csv");
        await File.WriteAllTextAsync(csv, "prompt,seed\na red heart,3\na cat,4\nthree bananas,5\n");
        var prompts = _ml.Data.LoadPrompts(csv);
        var data = _ml.Transforms.CopyColumns("RowSeed", "Seed").Fit(prompts).Transform(prompts);
        PipelineRow[] rows = [.. _ml.Data.CreateEnumerable<PipelineRow>(data, reuseRowObject: false, ignoreMissingColumns: true)];
        var eight = new GenerationOptions { Candidates = 8 };
        var pipeline = _ml.Transforms
            .GenerateImageTokens(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", InputSeedColumnName = "RowSeed", Generation = eight, BatchSize = 2 })
            .Append(_ml.Transforms.ClipRank(new() { ModelPath = TinyModel.Path, InputTextColumnName = "Prompt", InputTokensColumnName = "Tokens", OutputColumnName = "Best", ScoresColumnName = "Scores", TopK = 1 }))
            .Append(_ml.Transforms.ResizeImages("Small", 16, 16, "Best"))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Small", scaleImage: 1 / 255f))
            .Append(_ml.Transforms.ClipEmbedImage("Embedding", "Best", modelPath: TinyModel.Path))
            .Append(_ml.Transforms.Concatenate("Features", "Pixels", "Embedding"))
            .Append(_ml.Transforms.SelectColumns("Prompt", "Best", "Scores", "Features"))
            .Fit(data);
        var view = pipeline.Transform(data);

        // What a trainer asks for: features of a known size, different for different rows.
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3 * 16 * 16 + 192), view.Schema["Features"].Type);
        var features = view.GetColumn<float[]>("Features").ToArray();
        Assert.All(features, values => Assert.All(values, value => Assert.InRange(value, -1, 1)));
        Assert.Equal([0, 1, 2], features.Select(values => Nearest(values, features)));

        using var model = TinyModel.Load();
        var best = rows.Select(row => model.Generate(row.Prompt, row.RowSeed, eight)).ToArray();
        Assert.Equal(best.Select(image => ColumnText.Of(image.Image)), ColumnText.Of(view, "Best"));
        Assert.Equal(best.Select(image => image.Score), view.GetColumn<float[]>("Scores").Select(scores => scores.Single()));

        var path = Path.Combine(_folder.Path, "pipeline.zip");
        _ml.Model.Save(pipeline, data.Schema, path);
        string[] columns = ["Prompt", "Best", "Scores", "Features"];
        var values = columns.Select(column => ColumnText.Of(view, column)).ToArray();
        Assert.Equal(rows.Select((_, row) => string.Join(' ', values.Select(column => column[row]))), await PipelineProcess.RunAsync(path, rows, columns));
    }

    [Fact]
    public void Image_transforms_of_ML_NET_take_our_images_and_we_take_theirs()
    {
        var data = _ml.Data.LoadFromEnumerable(new PipelineRow[] { new() { Prompt = "a red heart" }, new() { Prompt = "a cat" } });
        var theirs = _ml.Transforms.DalleGenerate(new() { ModelPath = TinyModel.Path, InputColumnName = "Prompt", Seed = 2, Generation = new() { Candidates = 1 } })
            .Append(_ml.Transforms.ConvertToGrayscale("Gray", "Image"))
            .Append(_ml.Transforms.ResizeImages("Small", 32, 32, "Gray"))
            .Append(_ml.Transforms.ExtractPixels("Pixels", "Small"))
            .Append(_ml.Transforms.ConvertToImage(32, 32, "Back", "Pixels"));
        var ours = theirs
            .Append(_ml.Transforms.EncodeImageTokens("GrayTokens", "Gray", modelPath: TinyModel.Path))
            .Append(_ml.Transforms.EncodeImageTokens("SmallTokens", "Small", modelPath: TinyModel.Path))
            .Append(_ml.Transforms.EncodeImageTokens("BackTokens", "Back", modelPath: TinyModel.Path))
            .Append(_ml.Transforms.DalleReconstruct("Again", "Back", modelPath: TinyModel.Path));
        var view = ours.Fit(data).Transform(data);
        using var model = TinyModel.Load();
        Assert.Equal(view.GetColumn<MLImage>("Gray").Select(model.EncodeImage), view.GetColumn<int[]>("GrayTokens"));
        Assert.Equal(view.GetColumn<int[]>("SmallTokens"), view.GetColumn<int[]>("BackTokens"));
        Assert.Equal(view.GetColumn<int[]>("BackTokens").Select(tokens => ColumnText.Of(model.DecodeTokens(tokens))), ColumnText.Of(view, "Again"));
    }

    [Fact]
    public void A_failing_prompt_leaves_the_rest_of_its_batch_alone()
    {
        // What fails here is neither model nor data, but somebody who is told of progress.
        PipelineRow[] rows = [.. Enumerable.Range(0, 6).Select(row => new PipelineRow { Prompt = $"{row} cats", RowSeed = (ulong)row })];
        var data = _ml.Data.LoadFromEnumerable(rows);
        DalleGenerateEstimator.Options options = new()
        {
            ModelPath = TinyModel.Path,
            InputColumnName = "Prompt",
            InputSeedColumnName = "RowSeed",
            TokensColumnName = "Tokens",
            Generation = new() { Candidates = 1 },
            BatchSize = 4,
        };
        var expected = Read(options);
        using var model = TinyModel.Load();
        var bad = model.Generate(rows[2].Prompt, 2, new() { Candidates = 1 }).Tokens;
        var values = Read(options with { ErrorColumnName = "Error", Progress = new Fault(bad) });
        Assert.Equal("none", values[2]);
        Assert.Equal([.. expected[..2], .. expected[3..]], [.. values[..2], .. values[3..]]);

        string[] Read(DalleGenerateEstimator.Options options) => ColumnText.Of(_ml.Transforms.DalleGenerate(options).Fit(data).Transform(data), "Image");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_mapping_before_it_that_fails_on_a_row_is_a_reason_in_that_row(int batchSize)
    {
        PipelineRow[] rows = [.. Enumerable.Range(0, 5).Select(row => new PipelineRow { Prompt = $"{row} cats", RowSeed = (ulong)row })];
        var data = _ml.Data.LoadFromEnumerable(rows);
        var translated = _ml.Transforms.CustomMapping<PipelineRow, Translation>(Translate, contractName: null).Fit(data).Transform(data);
        DalleGenerateEstimator.Options options = new()
        {
            ModelPath = TinyModel.Path,
            InputColumnName = "Translated",
            InputSeedColumnName = "RowSeed",
            Generation = new() { Candidates = 1 },
            ErrorColumnName = "Error",
            BatchSize = batchSize,
        };
        using var transformer = _ml.Transforms.DalleGenerate(options).Fit(translated);
        var view = transformer.Transform(translated);
        using var model = TinyModel.Load();
        string[] expected = [.. rows.Select(row => row.RowSeed == 1 ? "none" : ColumnText.Of(model.Generate(row.Prompt, row.RowSeed, options.Generation).Image))];
        Assert.Equal(expected, ColumnText.Of(view, "Image"));
        Assert.Equal(["", "Column 'Translated' cannot be read: There are no words for it.", "", "", ""], ColumnText.Of(view, "Error"));

        static void Translate(PipelineRow row, Translation result) =>
            result.Translated = row.RowSeed != 1 ? row.Prompt : throw new FormatException("There are no words for it.");
    }

    private static int Nearest(float[] values, float[][] centroids) =>
        Enumerable.Range(0, centroids.Length).MinBy(i => centroids[i].Zip(values, (a, b) => (a - b) * (a - b)).Sum());

    /// <summary>Fails when it is shown the whole of an image, and in every batch of several.</summary>
    private sealed class Fault(IReadOnlyList<int> image) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value)
        {
            if (value.Images > 1 || value.Tokens.ToArray().SequenceEqual(image))
                throw new InvalidDataException("This image is not wanted.");
        }
    }

    private sealed class Translation
    {
        public string Translated { get; set; } = "";
    }
}
