using System.Security.Cryptography;
using System.Text;
using Dalle.ML.Generation;

namespace Dalle.ML.Export.Checkpoints;

/// <summary>
/// Invented weights for models of a published geometry, to measure speed and size without the published weights. It has a tensor of
/// every name and shape: about normal, of standard deviation <paramref name="deviation"/>, and a function of seed and name alone. Variances
/// that batch normalisation divides by are 1. Without a deviation the weights are those of a network before its training, through which
/// values keep about their size: products as their inputs are many, gains of 1.
/// </summary>
internal sealed class RandomCheckpoint(int seed, float? deviation = 0.02f) : Checkpoint
{
    private const int ChunkValues = 1 << 16;

    // The sum of four bytes has the mean 4 · 127.5 and the variance 4 · (256² − 1) / 12.
    private const int Mean = 510;
    private const float SmallDeviation = 0.1f;
    private static readonly string[] Gains = [".g", ".gamma"];
    private static readonly float SumDeviation = MathF.Sqrt(65535f / 3);

    /// <summary>None: the names are not known beforehand.</summary>
    public override IReadOnlyCollection<string> Names => [];

    public override bool Contains(string name) => true;

    /// <exception cref="NotSupportedException">Always: sizes that a checkpoint would tell must come from the published geometry.</exception>
    public override int[] Shape(string name) => throw NoShape(name);

    /// <exception cref="NotSupportedException">Always: as for <see cref="Shape"/>.</exception>
    public override Tensor Read(string name) => throw NoShape(name);

    public override Tensor Read(string name, params int[] shape)
    {
        var values = Tensor.Allocate(shape.Aggregate(1, (product, size) => checked(product * size)));
        if (name.EndsWith("running_var", StringComparison.Ordinal))
        {
            Array.Fill(values, 1f);
            return new Tensor(values, isFloat16: false, shape);
        }
        var isGain = Gains.Any(end => name.EndsWith(end, StringComparison.Ordinal)) || shape.Length == 1 && name.EndsWith(".weight", StringComparison.Ordinal);
        var (mean, scale) = deviation is { } given ? (0, given)
            : isGain ? (1f, SmallDeviation)
            : shape.Length == 1 ? (0, SmallDeviation)
            // It counts 128 times in a generation of DALLE2-pytorch: as large as others it would leave no attention to anything else.
            : name.EndsWith(".relative_attention_bias.weight", StringComparison.Ordinal) ? (0, SmallDeviation / 10)
            // What is looked up, such as a learned vector in the place of a text, is about as large as a value.
            : shape[0] == 1 ? (0, 1)
            // A little more than keeps the size of values, so that conditions are not lost beside the noise.
            : (0, 1.25f / MathF.Sqrt(values.Length / shape[0]));
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes(name));
        var key = ((uint)seed ^ BitConverter.ToUInt32(hash, 0), BitConverter.ToUInt32(hash, 4));
        Parallel.For(0, (values.Length + ChunkValues - 1) / ChunkValues, chunk =>
        {
            var first = chunk * ChunkValues;
            Fill(values.AsSpan(first, Math.Min(ChunkValues, values.Length - first)), (uint)chunk, key, mean, scale);
        });
        return new Tensor(values, isFloat16: false, shape);
    }

    public override Tensor ReadSlice(string name, int index, params int[] shape) => Read($"{name}[{index}]", shape);

    public override void Dispose()
    {
    }

    private static void Fill(Span<float> values, uint chunk, (uint, uint) key, float mean, float deviation)
    {
        for (var i = 0; i < values.Length; i += 4)
        {
            var (a, b, c, d) = Philox.Block(((uint)i, chunk, 0, 0), key);
            ReadOnlySpan<float> block = [Value(a), Value(b), Value(c), Value(d)];
            block[..Math.Min(4, values.Length - i)].CopyTo(values[i..]);
        }

        float Value(uint bits) => mean + ((bits & 255) + (bits >> 8 & 255) + (bits >> 16 & 255) + (bits >> 24) - (float)Mean) * (deviation / SumDeviation);
    }


    private static NotSupportedException NoShape(string name) =>
        new($"Random weights have no sizes: '{name}' must be read with a shape.");
}
