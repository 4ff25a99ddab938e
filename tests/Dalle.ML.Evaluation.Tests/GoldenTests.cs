using System.Text;
using System.Text.Json;
using static Dalle.ML.Evaluation.Tests.GoldenFeatures;

namespace Dalle.ML.Evaluation.Tests;

/// <summary>Against the numbers of pytorch-fid, torch-fidelity, improved-gan and clipscore.</summary>
[Trait("Category", "Golden")]
public sealed class GoldenTests
{
    [Fact]
    public void Frechet_distances_are_those_of_pytorch_fid_also_with_singular_covariances()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "stats");
        var cases = Json(Path.Combine(folder, "cases.json")).EnumerateObject().ToArray();
        Assert.NotEmpty(cases);
        Assert.All(cases, item =>
        {
            var (a, b) = (Side(folder, item, "a"), Side(folder, item, "b"));
            var traces = item.Value.GetProperty("trace_a").GetDouble() + item.Value.GetProperty("trace_b").GetDouble();
            var expected = item.Value.GetProperty("symmetric_eigen").GetDouble();
            var distance = FrechetDistance.Between(a, b);
            Near(expected, distance, 1e-6 * traces);
            Near(item.Value.GetProperty("pytorch_fid").GetDouble(), distance, 1e-6 * (traces + expected));
        });
    }

    private static FeatureStatistics Side(string folder, JsonProperty item, string side)
    {
        var path = Path.Combine(folder, $"{item.Name}_{side}.npy");
        if (File.Exists(path))
            return Statistics(Rows(path));
        Assert.StartsWith("formula_", item.Name, StringComparison.Ordinal);
        return Statistics(Formula($"fid_{side}", side == "a" ? 1 : 0.9, item.Value.GetProperty($"n_{side}").GetInt32(), item.Value.GetProperty("dim").GetInt32()));
    }

    /// <summary>max(0, 2u − offset) with the pseudo-random u of the folder's README.</summary>
    private static float[][] Formula(string name, double offset, int count, int dimension)
    {
        var hash = Encoding.UTF8.GetBytes(name).Aggregate(0xcbf29ce484222325, (hash, value) => (hash ^ value) * 0x100000001b3);
        return [.. Enumerable.Range(0, count * dimension).Select(i =>
        {
            var z = hash + ((ulong)i + 1) * 0x9E3779B97F4A7C15;
            z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
            z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
            z ^= z >> 31;
            return (float)Math.Max(0, 2 * ((z >> 40) / (double)(1 << 24)) - offset);
        }).Chunk(dimension)];
    }

    [Fact]
    public void Means_and_covariances_are_those_of_NumPy()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "stats");
        var names = Directory.GetFiles(folder, "*_mu_*.npy").ToArray();
        Assert.NotEmpty(names);
        Assert.All(names, path =>
        {
            var statistics = Statistics(Rows(path.Replace("_mu_", "_", StringComparison.Ordinal)));
            var mean = Doubles(path);
            var covariance = Doubles(path.Replace("_mu_", "_sigma_", StringComparison.Ordinal));
            for (var i = 0; i < mean.Length; i++)
            {
                Near(mean[i], statistics.Mean[i], 1e-12);
                for (var j = 0; j < mean.Length; j++)
                    Near(covariance[i * mean.Length + j], statistics.Covariance(i, j), 1e-12 * Math.Max(1, covariance.Max()));
            }
        });
    }

    private static double[] Doubles(string path) =>
        System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(Npy.Read(path).Data).ToArray();

    [Fact]
    public void Inception_scores_are_those_of_improved_gan()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "is");
        var logits = Rows(Path.Combine(folder, "logits.npy"));
        var cases = Json(Path.Combine(folder, "cases.json"));
        string[] names = [.. cases.EnumerateObject().Select(item => item.Name).Where(name => name.StartsWith("splits_", StringComparison.Ordinal))];
        Assert.NotEmpty(names);
        Assert.All(names, name =>
        {
            var splits = int.Parse(name.Split('_')[1], System.Globalization.CultureInfo.InvariantCulture);
            var (mean, deviation) = Score(logits, splits);
            Near(cases.GetProperty(name).GetProperty("float64_mean").GetDouble(), mean, 1e-9 * mean);
            Near(cases.GetProperty(name).GetProperty("float64_std").GetDouble(), deviation, 1e-9 * mean);
        });

        var underflow = cases.GetProperty("underflow");
        var rows = underflow.GetProperty("logits").EnumerateArray().Select(row => row.EnumerateArray().Select(value => value.GetSingle()).ToArray()).ToArray();
        Near(underflow.GetProperty("log_softmax_float64").GetDouble(), Score(rows, underflow.GetProperty("splits").GetInt32()).Mean, 1e-9);
    }

    private static (double Mean, double StandardDeviation) Score(float[][] logits, int splits)
    {
        var score = new InceptionScore(logits.Length, logits[0].Length, splits);
        foreach (var row in logits)
            score.Add(row);
        return score.Compute();
    }

    [Fact]
    public void Kernel_distances_and_their_subsets_are_those_of_torch_fidelity()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "kid");
        var cases = Json(Path.Combine(folder, "cases.json"));
        var (a, b) = (Rows(Path.Combine(folder, "a.npy")), Rows(Path.Combine(folder, "b.npy")));
        var size = cases.GetProperty("subset_size").GetInt32();
        var subsets = cases.GetProperty("subsets").EnumerateArray().ToArray();
        var random = new NumPyRandom(2020);
        Assert.All(subsets, subset =>
        {
            Assert.Equal(subset[0].EnumerateArray().Select(index => index.GetInt32()), random.Choose(a.Length, size));
            Assert.Equal(subset[1].EnumerateArray().Select(index => index.GetInt32()), random.Choose(b.Length, size));
        });

        var (mean, deviation) = KernelDistance.Between(a, b, subsets.Length, size);
        Near(cases.GetProperty("mean").GetDouble(), mean, 1e-6 * mean);
        Near(cases.GetProperty("std").GetDouble(), deviation, 1e-6 * mean);
    }

    [Fact]
    public void Precision_and_recall_are_those_of_torch_fidelity()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "kid");
        float[][] Columns(string name) => [.. Rows(Path.Combine(folder, name)).Select(row => row[..3])];
        var (a, b) = (Columns("a.npy"), Columns("b.npy"));
        var cases = Json(Path.Combine(folder, "cases.json")).GetProperty("precision_recall").EnumerateObject().ToArray();
        Assert.NotEmpty(cases);
        Assert.All(cases, item =>
        {
            var measured = PrecisionRecall.Between(a, b, int.Parse(item.Name[1..], System.Globalization.CultureInfo.InvariantCulture));
            Near(item.Value.GetProperty("precision").GetDouble(), measured.Precision, 1e-6);
            Near(item.Value.GetProperty("recall").GetDouble(), measured.Recall, 1e-6);
        });
    }

    [Fact]
    public void Blurred_images_are_those_of_the_definition()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "blur");
        var image = Npy.Read(Path.Combine(folder, "image_u8.npy"));
        string[] blurred = [.. Directory.GetFiles(folder, "gauss_*_u8.npy")];
        Assert.NotEmpty(blurred);
        Assert.All(blurred, path =>
        {
            var radius = double.Parse(Path.GetFileName(path).Split('_')[1], System.Globalization.CultureInfo.InvariantCulture);
            Assert.Equal(Npy.Read(path).Data, GaussianBlur.Apply(image.Data, image.Shape[1], image.Shape[0], radius));
        });
    }

    [Fact]
    public void Clip_scores_are_those_of_clipscore()
    {
        var folder = Path.Combine(GoldenFolder.Of(Family), "clip_score");
        var cases = Json(Path.Combine(folder, "cases.json"));
        var score = ClipScore.Of(Rows(Path.Combine(folder, "text_features.npy")), Rows(Path.Combine(folder, "image_features.npy")));
        Near(cases.GetProperty("mean_cosine").GetDouble(), score.MeanCosine, 1e-6);
        Near(cases.GetProperty("mean_clipscore_w2_5").GetDouble(), score.ClipScoreS, 1e-5);
        Near(cases.GetProperty("mean_clip_score_100").GetDouble(), score.Score, 1e-4);
        Near(cases.GetProperty("r_precision_at_1").GetDouble(), score.RPrecision, 1e-9);
    }
}
