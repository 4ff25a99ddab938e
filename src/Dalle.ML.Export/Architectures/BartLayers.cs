using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The layers that the text encoder and the decoder of DALL·E mini (Dayma et al. 2021) share: those of BART (Lewis et al. 2019), with norms before
/// and after attention (NormFormer, Shleifer et al. 2021) and gated feed-forward layers (Shazeer 2020). Tensors have the names of min-dalle.
/// </summary>
internal sealed class BartLayers(GraphBuilder g, BartConfig config)
{
    /// <summary>The id before a text in the vocabularies of BART.</summary>
    public const int TextStart = 0;

    /// <summary>The id of padding, which nothing attends to.</summary>
    public const int TextPadding = 1;

    /// <summary>The id after a text.</summary>
    public const int TextEnd = 2;

    /// <summary>Name of the bias that hides padding, an output of the text encoder and an input of the decoder.</summary>
    public const string PaddingBias = "padding_bias";

    // Keys lie as the product with queries takes them.
    public Dimension[] KeyShape => ["batch", config.Heads.Count, config.Heads.Size, config.Encoder.Length];

    public Dimension[] ValueShape => ["batch", config.Heads.Count, config.Encoder.Length, config.Heads.Size];

    public static string CrossKey(int layer) => $"cross_key_{layer}";

    public static string CrossValue(int layer) => $"cross_value_{layer}";

    public string Embed(Checkpoint weights, BartConfig.Stack stack, string ids, Func<string, string> places)
    {
        using var scope = g.Scope("embedding");
        var tokens = g.Weight("token", weights.Read("embed_tokens.weight", stack.Vocabulary, config.Width));
        var positions = g.Weight("position", weights.Read("embed_positions.weight", stack.Length, config.Width));
        var x = g.Node("Add", [g.Node("Gather", [tokens, ids]), places(positions)]);
        return Norm(x, weights, "layernorm_embedding", config.Width);
    }

    /// <summary>x + norm(f(norm(x))).</summary>
    public string Residual(string x, Checkpoint block, string before, string after, Func<string, string> f) =>
        g.Node("Add", [x, Norm(f(Norm(x, block, before, config.Width)), block, after, config.Width)]);

    /// <summary>x + W₂ norm(gelu(W₀ norm(x)) · W₁ norm(x)).</summary>
    public string FeedForward(string x, Checkpoint block, int gated)
    {
        using var scope = g.Scope("glu");
        block = block.Subtree("glu.");
        var gates = Tensor.Concat(block.Read("fc0.weight", gated, config.Width), block.Read("fc1.weight", gated, config.Width));
        string[] halves = [g.Unique("gate"), g.Unique("value")];
        g.Node("Split", [g.Linear(Norm(x, block, "ln0", config.Width), gates)], halves, ("axis", -1), ("num_outputs", 2));
        var product = g.Node("Mul", [g.Node("Gelu", [halves[0]]), halves[1]]);
        return g.Node("Add", [x, g.Linear(Norm(product, block, "ln1", gated), block.Read("fc2.weight", config.Width, gated))]);
    }

    /// <summary>Attention of x, [batch, sequence, width], to all of the text but padding.</summary>
    public string Attend(string x, string keys, string values, string bias, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        var queries = Heads(g.Linear(x, Projection(block, name + ".q_proj")), 0, 2, 1, 3);
        var scores = g.Node("Add", [g.Node("MatMul", [queries, keys]), bias]);
        var attended = g.Node("MatMul", [g.Node("Softmax", [scores], ("axis", -1)), values]);
        var ordered = g.Node("Transpose", [attended], ("perm", new long[] { 0, 2, 1, 3 }));
        var merged = g.Node("Reshape", [ordered, g.Constant("merged", 0, 0, config.Width)]);
        return g.Linear(merged, Projection(block, name + ".out_proj"));
    }

    /// <summary>Keys of the text, [batch, heads, head size, length], divided by √(head size) as scores are.</summary>
    public string Keys(string state, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        var keys = g.Linear(state, Projection(block, name + ".k_proj"));
        return Heads(g.Node("Mul", [keys, g.Scalar("scale", 1 / MathF.Sqrt(config.Heads.Size))]), 0, 2, 3, 1);
    }

    /// <summary>Values of the text, [batch, heads, length, head size].</summary>
    public string Values(string state, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        return Heads(g.Linear(state, Projection(block, name + ".v_proj")), 0, 2, 1, 3);
    }

    /// <summary>Takes [batch, positions, width] apart into [batch, positions, heads, head size], and reorders the axes.</summary>
    private string Heads(string x, params long[] axes) =>
        g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("heads", 0, 0, config.Heads.Count, config.Heads.Size)])], ("perm", axes));

    public Tensor Projection(Checkpoint block, string name) => block.Read(name + ".weight", config.Width, config.Width);

    /// <summary>A norm; those without a scale were trained, and may be saved, without one.</summary>
    public string Norm(string x, Checkpoint weights, string name, int width)
    {
        using var scope = g.Scope(name);
        var scale = weights.Contains(name + ".weight")
            ? weights.Read(name + ".weight", width)
            : new Tensor([.. Enumerable.Repeat(1f, width)], isFloat16: false, width);
        return g.LayerNorm(x, scale, weights.Read(name + ".bias", width));
    }
}
