using System.Runtime.InteropServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using Microsoft.ML.Trainers.FastTree;
using Microsoft.ML.Trainers.LightGbm;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>CLIP embeddings as features of ML.NET's trainers.</summary>
public sealed class TrainerTests(Drawings drawings)
{
    private const int EmbeddingDimension = 192;

    private readonly MLContext _ml = new(seed: 1);

    private static readonly Text[] Texts =
    [
        .. Of("heart", "a red heart", "a blue heart", "three hearts", "a heart made of gold", "a green heart on a white background", "two pink hearts"),
        .. Of("cat", "a cat", "a black cat", "two cats", "a cat wearing a crown", "a cat on a red background", "a small cat on the left"),
        .. Of("pizza", "a pizza", "three pizzas", "a pizza on a green background", "a small pizza", "a pizza made of wood", "two pizzas"),
    ];

    [Fact]
    public void Sdca_classifies_texts_that_it_was_not_trained_on()
    {
        var pipeline = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(_ml.Transforms.ClipEmbedText("Features", "Prompt")).AppendCacheCheckpoint(_ml)
            .Append(Sdca())
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel"));
        var data = _ml.Data.LoadFromEnumerable(Texts);
        using var model = pipeline.Fit(data);

        // As an application has it: saved, loaded, asked for one prediction after the other.
        var path = drawings.NewFile(".zip");
        _ml.Model.Save(model, data.Schema, path);
        foreach (var loaded in new[] { _ml.Model.Load(path, out _), _ml.Model.LoadDalle(path, out _) })
        {
            using var engine = _ml.Model.CreatePredictionEngine<Text, Prediction>(loaded);
            Assert.Equal(["heart", "cat", "pizza"], new[] { "a purple heart", "three cats", "a pizza on a blue background" }.Select(Predict));

            string Predict(string prompt) => engine.Predict(new Text { Prompt = prompt }).Predicted;
        }
    }

    [Fact]
    public void Cross_validation_finds_the_features_good()
    {
        var data = drawings.Load(_ml);
        var features = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Append(_ml.Transforms.ClipEmbedImage("Features", "Picture"));
        var view = _ml.Data.Cache(features.Fit(data).Transform(data), "Label", "Features");
        var folds = _ml.MulticlassClassification.CrossValidate(view, Sdca(), numberOfFolds: 3);
        Assert.Equal(drawings.Rows.Length, folds.Sum(fold => fold.ScoredHoldOutSet.GetColumn<uint>("PredictedLabel").Count()));
        Assert.All(folds, fold => Assert.Equal(1, fold.Metrics.MicroAccuracy));
    }

    [Fact]
    public void A_cache_in_front_of_a_trainer_embeds_each_row_once()
    {
        var read = 0;
        var data = _ml.Data.LoadFromEnumerable(Texts.Select(text =>
        {
            Interlocked.Increment(ref read);
            return text;
        }));
        var labelled = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Fit(data).Transform(data);
        var trainer = Sdca(passes: 2);

        read = 0;
        using (_ml.Transforms.ClipEmbedText("Features", "Prompt").AppendCacheCheckpoint(_ml).Append(trainer).Fit(labelled))
            Assert.Equal(Texts.Length, read);
        read = 0;
        using (_ml.Transforms.ClipEmbedText("Features", "Prompt").Append(trainer).Fit(labelled))
            Assert.True(read > Texts.Length, $"{read} rows were read.");
    }

    [Fact]
    public void KMeans_finds_the_kinds_of_pictures()
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.ClipEmbedImage("Features", "Picture").AppendCacheCheckpoint(_ml)
            .Append(_ml.Clustering.Trainers.KMeans(new KMeansTrainer.Options { NumberOfClusters = 3, NumberOfThreads = 1 }));
        using var model = pipeline.Fit(data);
        var clusters = model.Transform(data).GetColumn<uint>("PredictedLabel").ToArray();
        var clustersOfKinds = drawings.Rows.Zip(clusters).GroupBy(row => row.First.Kind, row => row.Second).Select(kind => kind.Distinct().ToArray());
        Assert.Equal([1, 2, 3], clustersOfKinds.Select(found => Assert.Single(found)).Order().ToArray());
    }

    [Fact]
    public void FastTree_tells_one_kind_of_pictures_from_the_others()
    {
        var data = drawings.Load(_ml);
        var options = new FastTreeBinaryTrainer.Options { NumberOfTrees = 10, NumberOfLeaves = 2, MinimumExampleCountPerLeaf = 1, NumberOfThreads = 1 };
        var pipeline = _ml.Transforms.ClipEmbedImage("Features", "Picture")
            .Append(_ml.Transforms.Expression("Label", "kind => kind == \"heart\"", "Kind"))
            .AppendCacheCheckpoint(_ml)
            .Append(_ml.BinaryClassification.Trainers.FastTree(options));
        using var model = pipeline.Fit(data);
        Assert.Equal(drawings.Rows.Select(row => row.Kind == "heart"), model.Transform(data).GetColumn<bool>("PredictedLabel"));
    }

    [Fact]
    public void LightGbm_classifies_by_texts_and_pictures_together()
    {
        Assert.SkipUnless(
            NativeLibrary.TryLoad("lib_lightgbm", typeof(LightGbmMulticlassTrainer).Assembly, searchPath: null, out _),
            "The native library of LightGBM cannot be loaded; on Linux it needs libgomp1.");
        var data = drawings.Load(_ml);
        var options = new LightGbmMulticlassTrainer.Options
        {
            NumberOfIterations = 10,
            NumberOfLeaves = 3,
            MinimumExampleCountPerLeaf = 1,
            NumberOfThreads = 1,
        };
        var pipeline = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(_ml.Transforms.ClipEmbedText("TextEmbedding", "Prompt"))
            .Append(_ml.Transforms.ClipEmbedImage("ImageEmbedding", "Picture"))
            .Append(_ml.Transforms.Concatenate("Features", "TextEmbedding", "ImageEmbedding"))
            .AppendCacheCheckpoint(_ml)
            .Append(_ml.MulticlassClassification.Trainers.LightGbm(options))
            .Append(_ml.Transforms.Conversion.MapKeyToValue("Predicted", "PredictedLabel"));
        using var model = pipeline.Fit(data);
        var view = model.Transform(data);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2 * EmbeddingDimension), view.Schema["Features"].Type);
        Assert.Equal(view.GetColumn<string>("Kind"), view.GetColumn<string>("Predicted"));
    }

    [Fact]
    public void Principal_components_keep_the_kinds_apart()
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.ClipEmbedImage("Embedding", "Picture").AppendCacheCheckpoint(_ml)
            .Append(_ml.Transforms.ProjectToPrincipalComponents("Components", "Embedding", rank: 2, seed: 1));
        using var model = pipeline.Fit(data);
        var view = model.Transform(data);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 2), view.Schema["Components"].Type);
        var points = view.GetColumn<float[]>("Components").ToArray();
        for (var row = 0; row < points.Length; row++)
        {
            var nearest = Enumerable.Range(0, points.Length).Where(other => other != row).MinBy(other => Distance(points[row], points[other]));
            Assert.Equal(drawings.Rows[row].Kind, drawings.Rows[nearest].Kind);
        }

        static float Distance(float[] a, float[] b) => a.Zip(b, (x, y) => (x - y) * (x - y)).Sum();
    }

    [Fact]
    public void Normalizers_take_embeddings_which_have_length_one_already()
    {
        var data = drawings.Load(_ml);
        var pipeline = _ml.Transforms.ClipEmbedImage("Embedding", "Picture").AppendCacheCheckpoint(_ml)
            .Append(_ml.Transforms.NormalizeLpNorm("Unit", "Embedding"))
            .Append(_ml.Transforms.NormalizeMinMax("Ranged", "Embedding", fixZero: false));
        using var model = pipeline.Fit(data);
        var view = model.Transform(data);
        foreach (var (embedding, unit) in view.GetColumn<float[]>("Embedding").Zip(view.GetColumn<float[]>("Unit")))
            Assert.All(embedding.Zip(unit), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        var ranged = view.GetColumn<float[]>("Ranged").ToArray();
        for (var slot = 0; slot < EmbeddingDimension; slot++)
        {
            var values = ranged.Select(row => row[slot]).ToArray();
            Assert.Equal(0, values.Min(), 1e-5f);
            Assert.Equal(1, values.Max(), 1e-5f);
        }
    }

    // With several threads, SDCA does not learn the same each time.
    private SdcaMaximumEntropyMulticlassTrainer Sdca(int? passes = null) => _ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(
        new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1, MaximumNumberOfIterations = passes });

    private static IEnumerable<Text> Of(string kind, params string[] prompts) => prompts.Select(prompt => new Text { Kind = kind, Prompt = prompt });

    private sealed class Text
    {
        public string Kind { get; set; } = "";

        public string Prompt { get; set; } = "";
    }

    private sealed class Prediction
    {
        public string Predicted { get; set; } = "";
    }
}
