using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>What ML.NET saves, splits, caches, shuffles and evaluates of views with our columns.</summary>
public sealed class DataViewTests(Drawings drawings)
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void A_binary_file_has_all_but_the_images_annotations_included()
    {
        using var transformer = Generate();
        var view = transformer.Transform(Prompts());
        var path = drawings.NewFile(".idv");
        using (var file = File.Create(path))
            _ml.Data.SaveAsBinary(view, file);
        var loaded = _ml.Data.LoadFromBinary(path);

        Assert.Equal(view.Schema.Where(column => column.Name != "Image").Select(Described), loaded.Schema.Select(Described));
        Assert.Equal("Ranking", Annotation<ReadOnlyMemory<char>>(loaded.Schema["Score"], "ScoreColumnKind").ToString());
        Assert.Equal(
            ["Candidate 0", "Candidate 1"],
            Annotation<VBuffer<ReadOnlyMemory<char>>>(loaded.Schema["Scores"], "SlotNames").DenseValues().Select(name => name.ToString()));
        var expected = _ml.Data.Cache(view, "Score", "Scores", "Seeds", "Tokens");
        Assert.Equal(expected.GetColumn<float>("Score"), loaded.GetColumn<float>("Score"));
        Assert.Equal(expected.GetColumn<float[]>("Scores"), loaded.GetColumn<float[]>("Scores"));
        Assert.Equal(expected.GetColumn<ulong[]>("Seeds"), loaded.GetColumn<ulong[]>("Seeds"));
        Assert.Equal(expected.GetColumn<int[]>("Tokens"), loaded.GetColumn<int[]>("Tokens"));

        static string Described(DataViewSchema.Column column) => $"{column.Name}: {column.Type}, {string.Join(", ", column.Annotations.Schema.Select(kind => kind.Name).Order())}";
    }

    [Fact]
    public void A_text_file_has_all_but_the_images_numbers_to_the_last_digit()
    {
        using var transformer = Generate();
        var generated = transformer.Transform(Prompts());
        var view = _ml.Transforms.SelectColumns("Prompt", "Image", "Score", "Tokens").Fit(generated).Transform(generated);
        var path = drawings.NewFile(".tsv");
        using (var file = File.Create(path))
            _ml.Data.SaveAsText(view, file, schema: false);
        var loaded = _ml.Data.LoadFromTextFile(
            path, [new("Prompt", DataKind.String, 0), new("Score", DataKind.Single, 1), new("Tokens", DataKind.Int32, 2, 257)],
            hasHeader: true, allowQuoting: true);
        var expected = _ml.Data.Cache(view, "Prompt", "Score", "Tokens");
        Assert.Equal(expected.GetColumn<string>("Prompt"), loaded.GetColumn<string>("Prompt"));
        Assert.Equal(expected.GetColumn<float>("Score"), loaded.GetColumn<float>("Score"));
        Assert.Equal(expected.GetColumn<int[]>("Tokens"), loaded.GetColumn<int[]>("Tokens"));
    }

    /// <summary>ML.NET writes and reads vectors of many zeros as those values alone that are none.</summary>
    [Fact]
    public void Sparse_tokens_of_a_text_file_are_decoded_as_all_of_them()
    {
        var tokens = new int[256];
        (tokens[5], tokens[40]) = (7, 2000);
        var path = drawings.NewFile(".tsv");
        using (var file = File.Create(path))
            _ml.Data.SaveAsText(_ml.Data.LoadFromEnumerable([new TokenRow { Tokens = tokens }]), file, headerRow: false, schema: false);
        var loaded = _ml.Data.LoadFromTextFile(path, [new("Tokens", DataKind.Int32, 0, 255)], allowSparse: true);
        Assert.False(loaded.GetColumn<VBuffer<int>>("Tokens").Single().IsDense);

        using var transformer = _ml.Transforms.DecodeImageTokens("Image", "Tokens").Fit(loaded);
        using var expected = drawings.Model.DecodeTokens(tokens);
        using var image = transformer.Transform(loaded).GetColumn<MLImage>("Image").Single();
        Assert.Equal(expected.Pixels, image.Pixels);
    }

    [Fact]
    public void The_ranking_evaluator_takes_scores_of_texts_and_pictures()
    {
        // Each prompt with a picture of each kind: its own is the relevant one.
        var pictures = drawings.Rows.DistinctBy(row => row.Kind).ToArray();
        var pairs = pictures.SelectMany(text => pictures.Select(picture => new Pair
        {
            Prompt = text.Prompt,
            File = picture.File,
            Relevance = text.Kind == picture.Kind ? 1 : 0,
        }));
        var data = drawings.LoadPictures(_ml, _ml.Data.LoadFromEnumerable(pairs));
        var pipeline = _ml.Transforms.ClipScore("Score", "Prompt", "Picture").Append(_ml.Transforms.Conversion.MapValueToKey("Group", "Prompt"));
        using var model = pipeline.Fit(data);
        var metrics = _ml.Ranking.Evaluate(model.Transform(data), labelColumnName: "Relevance", rowGroupColumnName: "Group");
        Assert.Equal(1, metrics.NormalizedDiscountedCumulativeGains[0]);
    }

    [Fact]
    public void A_split_keeps_pictures()
    {
        var view = drawings.Load(_ml);
        var split = _ml.Data.TrainTestSplit(view, testFraction: 0.3);
        using var transformer = _ml.Transforms.EncodeImageTokens("Tokens", "Picture").Fit(split.TrainSet);
        var tokens = new[] { split.TrainSet, split.TestSet }.SelectMany(Read).ToDictionary();
        Assert.Equal(Read(view).OrderBy(row => row.Key), tokens.OrderBy(row => row.Key));

        IEnumerable<KeyValuePair<string, int[]>> Read(IDataView part)
        {
            var encoded = transformer.Transform(part);
            return encoded.GetColumn<string>("File").Zip(encoded.GetColumn<int[]>("Tokens"), KeyValuePair.Create).ToArray();
        }
    }

    [Fact]
    public void A_cache_a_shuffle_and_a_saved_schema_leave_out_columns_of_images()
    {
        var view = drawings.Load(_ml);
        var names = view.Schema.Select(column => column.Name).Where(name => name != "Picture").ToArray();
        Assert.Equal(names, _ml.Data.Cache(view).Schema.Select(column => column.Name));
        Assert.Equal(names, _ml.Data.ShuffleRows(view).Schema.Select(column => column.Name));

        var path = drawings.NewFile(".zip");
        using var transformer = _ml.Transforms.ClipEmbedText("Embedding", "Prompt").Fit(view);
        _ml.Model.Save(transformer, view.Schema, path);
        _ml.Model.Load(path, out var schema);
        Assert.Equal(names, schema.Select(column => column.Name));
    }

    [Fact]
    public void Rows_are_shuffled_before_their_pictures_are_loaded()
    {
        var rows = _ml.Data.Cache(_ml.Data.LoadFromEnumerable(drawings.Rows));
        var shuffled = drawings.LoadPictures(_ml, _ml.Data.ShuffleRows(rows, seed: 1));
        var view = drawings.Load(_ml);
        using var transformer = _ml.Transforms.EncodeImageTokens("Tokens", "Picture").Fit(view);
        var expected = drawings.Rows.Select(row => row.File).Zip(transformer.Transform(view).GetColumn<int[]>("Tokens")).ToDictionary();
        var encoded = transformer.Transform(shuffled);
        var files = encoded.GetColumn<string>("File").ToArray();
        Assert.NotEqual(expected.Keys, files);
        Assert.Equal(expected.Keys.Order(), files.Order());
        Assert.Equal(files.Select(file => expected[file]), encoded.GetColumn<int[]>("Tokens"));
    }

    private DalleGenerateTransformer Generate() => _ml.Transforms.DalleGenerate(new()
    {
        InputColumnName = "Prompt",
        TokensColumnName = "Tokens",
        ScoreColumnName = "Score",
        CandidateScoresColumnName = "Scores",
        CandidateSeedsColumnName = "Seeds",
        Seed = 1,
        Generation = new() { Candidates = 2 },
    }).Fit(Prompts());

    private IDataView Prompts() => _ml.Data.LoadFromEnumerable(new[] { "a red heart", "a \"cat\",\tand a dog" }.Select(prompt => new Pair { Prompt = prompt }));

    private static T Annotation<T>(DataViewSchema.Column column, string kind)
    {
        T value = default!;
        column.Annotations.GetValue(kind, ref value);
        return value;
    }

    private sealed class TokenRow
    {
        [VectorType(64)]
        public int[] Tokens { get; set; } = [];
    }

    private sealed class Pair
    {
        public string Prompt { get; set; } = "";

        public string File { get; set; } = "";

        public float Relevance { get; set; }
    }
}
