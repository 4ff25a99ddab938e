using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>Small parts that the networks of Karlo share (kakaobrain/karlo, from openai/guided-diffusion and glide).</summary>
internal static class KarloLayers
{
    // Far below every score; its exponential is zero.
    private const float Masked = -10000;

    /// <summary>
    /// The rows of a layer that gives <paramref name="runs"/> vectors a head one after the other, as that many blocks with the heads of
    /// each: the way of every other family.
    /// </summary>
    public static Tensor SplitHeads(this Tensor rows, int heads, int runs) =>
        rows.Reshape(heads, runs, rows.Values.Length / heads / runs).Transpose(1, 0, 2).Reshape(rows.Shape);

    /// <summary>The inverse of <see cref="SplitHeads"/>.</summary>
    public static Tensor JoinHeads(this Tensor rows, int heads, int runs) =>
        rows.Reshape(runs, heads, rows.Values.Length / heads / runs).Transpose(1, 0, 2).Reshape(rows.Shape);

    /// <summary>Two linear layers of the sinusoid of a timestep, int64 [batch]: [batch, <paramref name="to"/>].</summary>
    public static string TimeEmbedding(this GraphBuilder g, string t, Checkpoint weights, int from, int to)
    {
        using var scope = g.Scope("time_embed");
        var half = from / 2;
        float[] frequencies = [.. Enumerable.Range(0, half).Select(i => MathF.Exp(-MathF.Log(10000) * i / half))];
        var column = g.Node("Unsqueeze", [g.Cast(t, DataType.Int64, DataType.Float), g.Constant("column", 1)]);
        var angles = g.Node("Mul", [column, g.Constant("frequencies", frequencies)]);
        var waves = g.Cast(g.Node("Concat", [g.Node("Cos", [angles]), g.Node("Sin", [angles])], ("axis", -1)), DataType.Float, g.Type);
        var hidden = g.Swish(g.Linear(waves, weights, "time_embed.0", from, to));
        return g.Linear(hidden, weights, "time_embed.2", to, to);
    }

    /// <summary>
    /// What is added to scores [batch, heads, queries, keys] in 32 bits: it hides keys where a mask [batch, text] is false, and those
    /// behind a query. The keys begin with the text, the queries are the last of them.
    /// </summary>
    public static string CausalBias(this GraphBuilder g, string mask, int text, int queries, int keys)
    {
        var causal = new float[queries * keys];
        for (var query = 0; query < queries; query++)
            causal.AsSpan(query * keys, keys)[(keys - queries + query + 1)..].Fill(Masked);
        var seen = g.Node("Where", [g.Node("Reshape", [mask, g.Constant("shape", 0, 1, 1, text)]), g.Constant("seen", 0f), g.Constant("hidden", Masked)]);
        var all = g.Node("Pad", [seen, g.Constant("pads", 0, 0, 0, 0, 0, 0, 0, keys - text)]);
        return g.Node("Add", [all, g.Weight("causal", DataType.Float, [1, 1, queries, keys], System.Runtime.InteropServices.MemoryMarshal.AsBytes(causal.AsSpan()))]);
    }
}
