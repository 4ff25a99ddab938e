using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Attention of DALLE2-pytorch whose heads share one key and value (Shazeer 2019), with a learned key and value before all others. The
/// heads of a place lie behind each other, so that the queries of all are rows of one matrix.
/// </summary>
internal sealed record Dalle2Attention(Dalle2Generation Generation, int Dim, int Heads, int HeadSize, bool IsCosine)
{
    // Far below every score, and still a half; its exponential is zero.
    public const float Masked = -10000;

    private const float CosineScale = 16;

    private float Scale => IsCosine ? CosineScale : Generation.SquaresScale ? 1f / HeadSize : 1 / MathF.Sqrt(HeadSize);

    /// <summary>The normalized input, of which queries, keys and values are made.</summary>
    public string Norm(GraphBuilder g, string x, Checkpoint weights) => g.ScaleNorm(x, weights, $"norm.{Generation.Norm}", Dim);

    /// <summary>Queries [batch, places · heads, head size] of the places from <paramref name="first"/> on.</summary>
    public string Queries(GraphBuilder g, string normed, Checkpoint weights, int count, Dalle2Rotation? rotation = null, int first = 0)
    {
        var q = g.Linear(normed, weights.Read("to_q.weight", Heads * HeadSize, Dim));
        q = g.Node("Reshape", [q, g.Constant("heads", 0, count, Heads, HeadSize)]);
        q = rotation?.Rotate(g, q, first, count, hasHeads: true) ?? q;
        q = IsCosine ? g.UnitLength(q) : q;
        q = g.Node("Mul", [q, g.Scalar("scale", Scale)]);
        return g.Node("Reshape", [q, g.Constant("rows", 0, count * Heads, HeadSize)]);
    }

    /// <summary>
    /// Keys and values [batch, places, head size] of the places from <paramref name="first"/> on, the learned ones before those of place
    /// 0.
    /// </summary>
    public (string Keys, string Values) KeysAndValues(
        GraphBuilder g, string normed, Checkpoint weights, int count, string batch, Dalle2Rotation? rotation = null, int first = 0)
    {
        var parts = g.Split(g.Linear(normed, weights.Read("to_kv.weight", 2 * HeadSize, Dim)), "key", "value");
        var (keys, values) = (rotation?.Rotate(g, parts[0], first, count, hasHeads: false) ?? parts[0], parts[1]);
        if (first == 0)
        {
            var learned = weights.Read("null_kv", 2, HeadSize);
            keys = g.Node("Concat", [g.Rows(learned.Rows(..1), batch), keys], ("axis", 1));
            values = g.Node("Concat", [g.Rows(learned.Rows(1..), batch), values], ("axis", 1));
        }
        return (IsCosine ? g.UnitLength(keys) : keys, values);
    }

    /// <summary>The attended values, [batch, places, dim].</summary>
    /// <param name="g">The graph.</param>
    /// <param name="queries">As <see cref="Queries"/> gives them.</param>
    /// <param name="keys">Keys.</param>
    /// <param name="values">Values.</param>
    /// <param name="weights">The layer.</param>
    /// <param name="count">Number of places that ask.</param>
    /// <param name="biases">Added to the scores [batch, places · heads, keys].</param>
    public string Attend(GraphBuilder g, string queries, string keys, string values, Checkpoint weights, int count, params string[] biases)
    {
        var scores = g.Node("MatMul", [queries, g.Node("Transpose", [keys], ("perm", new long[] { 0, 2, 1 }))]);
        foreach (var bias in biases)
            scores = g.Node("Add", [scores, bias]);
        var found = g.Node("MatMul", [g.Node("Softmax", [scores], ("axis", -1)), values]);
        found = g.Node("Reshape", [found, g.Constant("width", 0, count, Heads * HeadSize)]);
        return g.ScaleNorm(g.Linear(found, weights.Read("to_out.0.weight", Dim, Heads * HeadSize)), weights, $"to_out.1.{Generation.Norm}", Dim);
    }

    /// <summary>x + attention of all places to each other and to the learned key, of x [batch, places, dim].</summary>
    public string Residual(GraphBuilder g, string x, Checkpoint weights, int count, string batch)
    {
        var normed = Norm(g, x, weights);
        var (keys, values) = KeysAndValues(g, normed, weights, count, batch);
        return g.Node("Add", [Attend(g, Queries(g, normed, weights, count), keys, values, weights, count), x]);
    }
}

/// <summary>Rotary positions of the first channels of queries and keys, whose pairs lie side by side.</summary>
internal sealed record Dalle2Rotation(float[] Frequencies, int HeadSize)
{
    public string Rotate(GraphBuilder g, string x, int first, int count, bool hasHeads)
    {
        var (cosines, sines) = (new float[count * HeadSize], new float[count * HeadSize]);
        for (var place = 0; place < count; place++)
        {
            for (var channel = 0; channel < HeadSize; channel++)
            {
                var i = place * HeadSize + channel;
                var isRotated = channel < 2 * Frequencies.Length;
                var angle = isRotated ? (first + place) * Frequencies[channel / 2] : 0;
                cosines[i] = MathF.Cos(angle);
                sines[i] = channel % 2 == 0 ? -MathF.Sin(angle) : MathF.Sin(angle);
            }
        }
        int[] shape = hasHeads ? [count, 1, HeadSize] : [count, HeadSize];
        long[] partners = [.. Enumerable.Range(0, HeadSize).Select(channel => channel < 2 * Frequencies.Length ? channel ^ 1L : channel)];
        var turned = g.Node("Gather", [x, g.Constant("partners", partners)], ("axis", -1));
        return g.Node("Add", [
            g.Node("Mul", [x, g.Weight("cosines", new Tensor(cosines, isFloat16: false, shape))]),
            g.Node("Mul", [turned, g.Weight("sines", new Tensor(sines, isFloat16: false, shape))])]);
    }
}

/// <summary>Small parts that prior and UNet of DALLE2-pytorch share.</summary>
internal static class Dalle2Layers
{
    /// <summary>A layer norm with factors and no bias.</summary>
    public static string ScaleNorm(this GraphBuilder g, string x, Checkpoint weights, string name, int dim) =>
        g.Node("LayerNormalization", [x, g.Weight("weight", weights.Read(name, dim))], ("epsilon", 1e-5f));

    /// <summary>Vectors of the last axis brought to the length 1.</summary>
    public static string UnitLength(this GraphBuilder g, string x)
    {
        var length = g.Node("ReduceL2", [x, g.Constant("axis", -1)], ("keepdims", 1));
        return g.Node("Div", [x, g.Node("Max", [length, g.Scalar("least", 1e-12f)])]);
    }

    /// <summary>The number of rows of a value, int64 [1].</summary>
    public static string Batch(this GraphBuilder g, string x) =>
        g.Node("Slice", [g.Node("Shape", [x]), g.Constant("zero", 0), g.Constant("one", 1)]);

    /// <summary>A matrix [places, channels] for every row.</summary>
    public static string Rows(this GraphBuilder g, Tensor matrix, string batch)
    {
        var shape = g.Node("Concat", [batch, g.Constant("shape", matrix.Shape[0], matrix.Shape[1])], ("axis", 0));
        return g.Node("Expand", [g.Weight("learned", matrix), shape]);
    }

    /// <summary>A linear layer with a bias.</summary>
    public static string Linear(this GraphBuilder g, string x, Checkpoint weights, string name, int from, int to) =>
        g.Linear(x, weights.Read(name + ".weight", to, from), weights.Read(name + ".bias", to));

    /// <summary>Sines, then cosines of a number t, int64 [batch], as [batch, dim] in the graph's type. The angles are of 32 bits.</summary>
    public static string Sinusoid(this GraphBuilder g, string t, int dim)
    {
        var half = dim / 2;
        var step = (float)(-Math.Log(10000) / (half - 1));
        float[] frequencies = [.. Enumerable.Range(0, half).Select(i => MathF.Exp(i * step))];
        var column = g.Node("Unsqueeze", [g.Cast(t, DataType.Int64, DataType.Float), g.Constant("column", 1)]);
        var angles = g.Node("Mul", [column, g.Constant("frequencies", frequencies)]);
        return g.Cast(g.Node("Concat", [g.Node("Sin", [angles]), g.Node("Cos", [angles])], ("axis", -1)), DataType.Float, g.Type);
    }
}
