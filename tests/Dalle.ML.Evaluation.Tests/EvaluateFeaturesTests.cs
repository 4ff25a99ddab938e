using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using static Dalle.ML.Evaluation.Tests.GoldenFeatures;

namespace Dalle.ML.Evaluation.Tests;

public sealed class EvaluateFeaturesTests
{
    private readonly MLContext _context = new(seed: 1);

    [Fact]
    [Trait("Category", "Golden")]
    public void A_view_of_features_has_the_metrics_of_the_public_tools()
    {
        var root = GoldenFolder.Of(Family);
        var cases = Json(Path.Combine(root, "kid", "cases.json"));
        var (a, b) = (Rows(Path.Combine(root, "kid", "a.npy")), Rows(Path.Combine(root, "kid", "b.npy")));
        var metrics = _context.EvaluateFeatures(View(a), View(b), new()
        {
            Subsets = cases.GetProperty("subsets").GetArrayLength(),
            SubsetSize = cases.GetProperty("subset_size").GetInt32(),
        });
        Near(cases.GetProperty("mean").GetDouble(), metrics.KernelDistance, 1e-6 * metrics.KernelDistance);
        Assert.Equal(FrechetDistance.Between(Statistics(a), Statistics(b)), metrics.FrechetDistance);
        Assert.Equal((a.Length, b.Length), (metrics.GeneratedImages, metrics.ReferenceImages));
        Assert.Null(metrics.InceptionScore);

        var scores = Json(Path.Combine(root, "is", "cases.json"));
        var logits = View(Rows(Path.Combine(root, "is", "logits.npy")));
        const string Splits = "splits_";
        foreach (var recorded in scores.EnumerateObject().Where(recorded => recorded.Name.StartsWith(Splits, StringComparison.Ordinal)))
        {
            var splits = int.Parse(recorded.Name[Splits.Length..], CultureInfo.InvariantCulture);
            var scored = _context.EvaluateFeatures(logits, logits, new() { LogitColumnName = "Features", Splits = splits, Subsets = 1 });
            Near(recorded.Value.GetProperty("float64_mean").GetDouble(), scored.InceptionScore!.Value, 1e-9);
        }
    }

    [Fact]
    public void Only_so_many_features_are_held_and_the_metrics_say_it()
    {
        float[][] rows = [.. Enumerable.Range(0, 50).Select(i => new[] { i % 7f, i % 5f })];
        var metrics = _context.EvaluateFeatures(View(rows), View(rows), new() { MaxImagesHeld = 20, Subsets = 2 });
        Assert.Equal((20, 20, 50L), (metrics.ImagesHeld, metrics.KernelSubsetSize, metrics.GeneratedImages));
    }

    [Fact]
    public void Few_images_have_distances_but_no_neighbors()
    {
        var metrics = _context.EvaluateFeatures(View([[1, 2], [3, 5], [4, 4]]), View([[1, 2], [3, 5]]));
        Assert.Null(metrics.PrecisionRecall);
        Assert.Equal(2, metrics.KernelSubsetSize);
        Assert.True(double.IsFinite(metrics.FrechetDistance));
        Assert.NotNull(_context.EvaluateFeatures(View([[1, 2], [3, 5], [4, 4]]), View([[1, 2], [3, 5]]), new() { Neighbors = 1 }).PrecisionRecall);
    }

    [Fact]
    public void Mistakes_in_columns_are_told_by_their_names()
    {
        var view = View([[1, 2], [3, 4]]);
        var missing = Assert.Throws<ArgumentException>("reference", () => _context.EvaluateFeatures(view, _context.Transforms.DropColumns("Features").Fit(view).Transform(view)));
        Assert.Contains("no column 'Features'; it has 'Name'", missing.Message, StringComparison.Ordinal);
        var wrong = Assert.Throws<ArgumentException>("generated", () => _context.EvaluateFeatures(view, view, new() { FeatureColumnName = "Name" }));
        Assert.Contains("'Name' is String", wrong.Message, StringComparison.Ordinal);
        var few = Assert.Throws<ArgumentException>("generated", () => _context.EvaluateFeatures(View([[1, 2]]), view));
        Assert.Contains("1 images", few.Message, StringComparison.Ordinal);
    }

    private IDataView View(float[][] rows)
    {
        var schema = SchemaDefinition.Create(typeof(Row));
        schema[nameof(Row.Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, rows[0].Length);
        return _context.Data.LoadFromEnumerable(rows.Select(row => new Row { Features = row }), schema);
    }

    private sealed class Row
    {
        public string Name { get; set; } = "";

        public float[] Features { get; set; } = [];
    }
}
