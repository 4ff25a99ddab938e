using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Text;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// ru-dALLE's cherry-picking: the images that fit the text best by the cosine. The older function takes the text as it is; today's takes the mean of its
/// predictor's six templates, and so does the ranking of a bundle that has them.
/// </summary>
public sealed partial class RuClipTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Pictures_are_picked_in_the_reference_order(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Beside(file, "cherry_pick.json")));
        var cherries = json.RootElement;
        var (text, count) = (cherries.GetProperty("text").GetString()!, cherries.GetProperty("count").GetInt32());
        var pictures = Pictures(file);
        using var model = DalleModel.Load(Export(file));
        MLImage[] images = [.. pictures.Select(Picture)];
        float[] scores = [.. images.Select(image => model.Score(text, image))];
        AssertScores(cherries, pictures, scores, model.Info.ClipScale!.Value);
        if (cherries.TryGetProperty("input_ids", out var ids))
            Assert.Equal(Values(ids.EnumerateArray().Single()), Tokenize(model, text).Where(id => id != 0).Select(id => (float)id));

        // The same by the components of ML.NET, an image a row.
        int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => scores[i]).Take(count)];
        var data = _ml.Data.LoadFromEnumerable(pictures.Zip(images, (name, image) => new PictureRow { Name = name, Text = text, Picture = image }));
        var scored = _ml.Transforms.ClipScore("Score", "Text", "Picture", model.Info.Path).Fit(data).Transform(data);
        var picked = _ml.Data.RankCandidates(scored, groupColumnName: "Text", topK: count);
        Assert.Equal(order.Select(i => pictures[i]), picked.GetColumn<string>("Name"));
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void The_candidates_of_ru_dalle_are_ranked_by_it(string file)
    {
        const string Prompt = "красная роза";
        var output = Path.Combine(_folder.Path, "ru-dalle");
        BundleExporter.ExportRandom("ru-dalle", "tiny", output, new ExportOptions { Clip = Export(file) });
        using DalleModel model = DalleModel.Load(output), ranker = DalleModel.Load(Path.Combine(_folder.Path, "bundle"));
        var options = new GenerationOptions { Candidates = 4 };
        GeneratedImage[] candidates = [.. model.GenerateCandidates(new GenerationRequest(Prompt, Seed: 1), options)];
        Assert.All(candidates, image => Assert.Equal(ranker.Score(Prompt, image.Image), image.Score, tolerance: 0.02f));
        using var best = model.Generate(Prompt, seed: 1, options);
        Assert.Equal(candidates.Max(image => image.Score), best.Score);

        var data = _ml.Data.LoadFromEnumerable([new PromptRow { Prompt = Prompt, Tokens = [.. candidates.SelectMany(image => image.Tokens)] }]);
        var rank = _ml.Transforms.ClipRank(new ClipRankEstimator.Options
        {
            ModelPath = output,
            InputTextColumnName = nameof(PromptRow.Prompt),
            InputTokensColumnName = nameof(PromptRow.Tokens),
            OrderColumnName = "Order",
        });
        var order = rank.Fit(data).Transform(data).GetColumn<int[]>("Order").Single();
        Assert.Equal(candidates.OrderByDescending(image => image.Score).Select(image => image.Candidate), order);
    }

    /// <summary>Today's function gives cosines; the older one calls the softmax of all pictures' scores so.</summary>
    private static void AssertScores(JsonElement cherries, string[] pictures, float[] scores, float scale)
    {
        var isOlder = cherries.TryGetProperty("logits", out _);
        float[] expected = isOlder ? Values(cherries, "logits") : [.. Values(cherries, "all_scores").Select(cosine => cosine * scale)];
        // A picture that is not opaque has lost part of its colours in an MLImage: it is about right, and the order and the sum take its score from the reference.
        var largest = expected.Max(MathF.Abs);
        foreach (var (i, score) in expected.Index())
            Assert.Equal(score, scores[i], tolerance: (IsOpaque(pictures[i]) ? 1e-4f : 5e-2f) * largest);
        float[] kept = [.. scores.Select((score, i) => IsOpaque(pictures[i]) ? score : expected[i])];
        int[] order = [.. Enumerable.Range(0, kept.Length).OrderByDescending(i => kept[i]).Take(cherries.GetProperty("count").GetInt32())];
        Assert.Equal(Values(cherries, "order"), order.Select(i => (float)i));
        var sum = kept.Sum(MathF.Exp);
        foreach (var (top, i) in Values(cherries, "top_scores").Zip(order))
            Assert.Equal(top, isOlder ? MathF.Exp(kept[i]) / sum : kept[i] / scale, tolerance: isOlder ? 5e-3f * top : 1e-4f * largest / scale);
    }

    private static long[] Tokenize(DalleModel model, string text)
    {
        var bundle = Bundle.Open(model.Info.Path);
        return new PromptTokenizer(bundle, bundle.Manifest.Clip!.Text).Encode(text);
    }

    private static float[] Values(JsonElement json, string name) => Values(json.GetProperty(name));

    private static float[] Values(JsonElement array) => [.. array.EnumerateArray().Select(value => value.GetSingle())];

    private sealed class PictureRow
    {
        public string Name { get; set; } = "";

        public string Text { get; set; } = "";

        [MLImageType]
        public MLImage? Picture { get; set; }
    }

    private sealed class PromptRow
    {
        public string Prompt { get; set; } = "";

        public int[] Tokens { get; set; } = [];
    }
}
