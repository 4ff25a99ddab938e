using System.Diagnostics;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>A measurement: the median of its samples.</summary>
internal readonly record struct MedianOf(string Name, double Median, string Unit, int Samples);

/// <summary>
/// Measures a model in rounds. Each round measures everything once, so that other load on the machine affects all measurements alike.
/// </summary>
internal sealed class ModelBench
{
    private const string Prompt = "a red apple on a blue background";
    private const int MostRounds = 5;

    private static readonly int[] CandidateCounts = [1, 4, 8];

    // In the order of their first measurement.
    private readonly List<(string Name, string Unit, List<double> Samples)> _samples = [];

    private ModelBench()
    {
    }

    public string Model { get; private set; } = "";

    public string Hash { get; private set; } = "";

    /// <summary>Number of complete rounds.</summary>
    public int Rounds { get; private set; }

    public IReadOnlyList<MedianOf> Medians => [.. _samples.Select(each => new MedianOf(each.Name, Median(each.Samples), each.Unit, each.Samples.Count))];

    /// <param name="path">Folder of the bundle.</param>
    /// <param name="device">Device to run on.</param>
    /// <param name="limit">When to stop, even in the middle of a round.</param>
    /// <param name="cancellationToken">Stops the measurement.</param>
    public static ModelBench Run(string path, DalleDevice device, TimeSpan limit, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        end.CancelAfter(limit);
        var bench = new ModelBench();
        try
        {
            for (; bench.Rounds < MostRounds; bench.Rounds++)
                bench.RunRound(path, device, end.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Time is up; what was measured stands.
        }
        return bench;
    }

    private void RunRound(string path, DalleDevice device, CancellationToken end)
    {
        // Disposed at the end of the round, so that each round loads the model again.
        var clock = Stopwatch.StartNew();
        using var model = DalleModel.Load(path, device);
        Add("load and verify", clock);
        (Model, Hash) = (model.Info.Name, model.Info.Hash);

        if (model.Info.CanGenerate)
            MeasureGeneration(model, end);
        if (model.Info is { CanEncode: true, CanDecode: true })
            MeasureCodec(model, end);
        if (model.Info.HasClip)
            MeasureClip(model, end);
    }

    private void MeasureGeneration(DalleModel model, CancellationToken end)
    {
        var single = new GenerationOptions { Candidates = 1 };
        Time("first image after loading", () => model.Generate(Prompt, seed: 1, single, progress: null, end).Dispose(), end);
        // Diffusion models have no tokens to count.
        foreach (var count in model.Info.TokenRows > 0 ? CandidateCounts : [])
        {
            // Images of one candidate are batched like the candidates of one image, and need no CLIP.
            var clock = new ThroughputMeter();
            foreach (var image in model.GenerateBatch([.. GenerationRequest.Series(Prompt, 1, count)], single, clock, end))
                image.Dispose();
            if (count == 1)
                Add("prefill and first token", "ms", clock.FirstToken.TotalMilliseconds);
            Add(string.Create(CultureInfo.InvariantCulture, $"candidates in one batch: {count}"), "tokens/s", clock.TokensPerSecond);
        }
        Time("whole image, one candidate", () => model.Generate(Prompt, seed: 1, single, progress: null, end).Dispose(), end);
        Time(string.Create(CultureInfo.InvariantCulture, $"whole image, best of {model.Info.Defaults.Candidates}"), () => model.Generate(Prompt, seed: 1, options: null, progress: null, end).Dispose(), end);
    }

    private void MeasureCodec(DalleModel model, CancellationToken end)
    {
        var tokens = new int[model.Info.TokenRows * model.Info.TokenColumns];
        using var image = PlainImage.For(model.Info);
        model.EncodeImage(image);
        Time("image to tokens", () => model.EncodeImage(image), end);
        Time("tokens to image", () => model.DecodeTokens(tokens).Dispose(), end);
    }

    private void MeasureClip(DalleModel model, CancellationToken end)
    {
        using var image = PlainImage.For(model.Info);
        model.Score(Prompt, image);
        Time("CLIP: text", () => model.EmbedText(Prompt), end);
        Time("CLIP: image", () => model.EmbedImage(image), end);
    }

    private void Time(string name, Action action, CancellationToken end)
    {
        end.ThrowIfCancellationRequested();
        var clock = Stopwatch.StartNew();
        action();
        Add(name, clock);
    }

    private void Add(string name, Stopwatch clock) => Add(name, "ms", clock.Elapsed.TotalMilliseconds);

    private void Add(string name, string unit, double sample)
    {
        var index = _samples.FindIndex(each => each.Name == name);
        if (index < 0)
            _samples.Add((name, unit, [sample]));
        else
            _samples[index].Samples.Add(sample);
    }

    private static double Median(IEnumerable<double> samples)
    {
        double[] sorted = [.. samples.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
