using Dalle.ML.Generation;
using Dalle.ML.Generation.Autoregressive;

namespace Dalle.ML.Benchmarks;

/// <summary>Sampling a token from logits.</summary>
internal static class SamplerMeasurements
{
    // Many rows, or the processor would learn the one by heart.
    private const int Rows = 64;

    public static IEnumerable<Measurement> All =>
    [
        Sample("temperature", vocabulary: 1024, topK: 0, topP: 1),
        Sample("top-k 256, top-p 0.95", vocabulary: 1024, topK: 256, topP: 0.95f),
        Sample("temperature", vocabulary: 16384, topK: 0, topP: 1),
        Sample("top-k 256, top-p 0.95", vocabulary: 16384, topK: 256, topP: 0.95f),
    ];

    private static Measurement Sample(string filters, int vocabulary, int topK, float topP)
    {
        var sampler = new Sampler(vocabulary, temperature: 0.6f, topK, topP);
        var logits = new Lazy<float[][]>(() => NormalLogits(vocabulary));
        var draws = 0u;
        return new Measurement($"sampler: {filters}, vocabulary {vocabulary}", "ms", Timing.Of(() =>
        {
            var row = draws++;
            sampler.Sample(logits.Value[row % Rows], Philox.Uniform(seed: 1, row));
        }));
    }

    /// <summary>Normally distributed logits by Box and Muller.</summary>
    private static float[][] NormalLogits(int vocabulary)
    {
        const double Deviation = 2;
        var random = new Random(1);
        return [.. Enumerable.Range(0, Rows).Select(_ => Enumerable.Range(0, vocabulary).Select(_ => Normal()).ToArray())];

        float Normal() =>
            (float)(Deviation * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }
}
