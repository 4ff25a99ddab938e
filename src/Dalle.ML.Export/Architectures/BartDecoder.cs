using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The graphs of DALL·E mini (Dayma et al. 2021): BART's encoder and decoder (Lewis et al. 2019), with norms before and after attention
/// (NormFormer, Shleifer et al. 2021) and gated feed-forward layers (Shazeer 2020). Tensors have min-dalle's names.
/// </summary>
internal sealed class DalleBart(BundleWriter bundle, Precision precision, Checkpoint encoder, Checkpoint decoder, DalleBartConfig config)
{
    /// <summary>The id before a text in Bart's vocabularies.</summary>
    public const int TextStart = 0;

    /// <summary>The id of padding, which nothing attends to.</summary>
    public const int TextPadding = 1;

    /// <summary>The id after a text.</summary>
    public const int TextEnd = 2;

    private const string PaddingBias = "padding_bias";

    // Far below every score, and still a half; its exponential is zero.
    private const float Masked = -10000;

    /// <summary>
    /// Writes the graph from a prompt's ids to what the decoder attends to: keys and values of each of its layers, which depend on the text
    /// alone, and a bias that hides padding.
    /// </summary>
    public TextEncoderGraph TextEncoder()
    {
        var graph = new TextEncoderGraph
        {
            File = "text_encoder.onnx",
            Outputs = [PaddingBias, .. Enumerable.Range(0, config.Decoder.Layers).SelectMany(layer => new[] { CrossKey(layer), CrossValue(layer) })],
        };
        using var g = bundle.Graph(graph.File, precision);
        var length = config.Encoder.Length;
        var ids = g.Input(graph.Ids, DataType.Int64, "batch", length);
        var isPadding = g.Cast(g.Node("Equal", [ids, g.Scalar("padding", (long)TextPadding)]), DataType.Bool, g.Type);
        g.Node("Unsqueeze", [g.Node("Mul", [isPadding, g.Scalar("masked", Masked)]), g.Constant("bias_axes", 1, 2)], [PaddingBias]);
        g.Output(PaddingBias, g.Type, "batch", 1, 1, length);

        var x = Embed(g, encoder, config.Encoder, ids, places => places);
        for (var layer = 0; layer < config.Encoder.Layers; layer++)
        {
            var block = encoder.Subtree($"layers.{layer}.");
            using var scope = g.Scope($"layer_{layer}");
            x = Residual(g, x, block, "pre_self_attn_layer_norm", "self_attn_layer_norm", normed =>
            {
                var (key, value) = (Keys(g, normed, block, "self_attn"), Values(g, normed, block, "self_attn"));
                return Attend(g, normed, key, value, PaddingBias, block, "self_attn");
            });
            x = FeedForward(g, x, block, config.Encoder.Gated);
        }

        var state = Norm(g, x, encoder, "final_ln", config.Width);
        for (var layer = 0; layer < config.Decoder.Layers; layer++)
        {
            var block = decoder.Subtree($"layers.{layer}.");
            using var scope = g.Scope($"cross_{layer}");
            g.Node("Identity", [Keys(g, state, block, "encoder_attn")], [CrossKey(layer)]);
            g.Node("Identity", [Values(g, state, block, "encoder_attn")], [CrossValue(layer)]);
            g.Output(CrossKey(layer), g.Type, KeyShape);
            g.Output(CrossValue(layer), g.Type, ValueShape);
        }
        g.Save();
        return graph;
    }

    /// <summary>Writes the graph that draws image tokens.</summary>
    /// <param name="start">The id that begins the image.</param>
    /// <param name="codes">Number of image tokens; the ids behind them are never drawn.</param>
    /// <exception cref="InvalidDataException">The model does not have so many ids.</exception>
    public DecoderGraph Decoder(int start, int codes)
    {
        var (layers, vocabulary) = (config.Decoder.Layers, config.Decoder.Vocabulary);
        if (codes > vocabulary || start < 0 || start >= vocabulary)
        {
            throw new InvalidDataException($"The decoder has {vocabulary} ids: too few for {codes} image tokens, or none that is {start}, "
                + "which the setting 'bos' says begins an image.");
        }
        var graph = new DecoderGraph
        {
            File = "decoder.onnx",
            Start = [start],
            ImageIdOffset = 0,
            TotalLength = "total_length",
            Cache = config.Heads.Cache(precision, layers, config.Decoder.Length),
        };
        using var g = bundle.Graph(graph.File, precision);
        var cached = new CachedDecoder(g, graph);
        var bias = g.Input(PaddingBias, g.Type, "batch", 1, 1, config.Encoder.Length);
        var x = Embed(g, decoder, config.Decoder, cached.Ids, places => g.Node("Gather", [places, cached.Positions]));
        for (var layer = 0; layer < layers; layer++)
        {
            var block = decoder.Subtree($"layers.{layer}.");
            var (key, value) = (g.Input(CrossKey(layer), g.Type, KeyShape), g.Input(CrossValue(layer), g.Type, ValueShape));
            using var scope = g.Scope($"layer_{layer}");
            x = Residual(g, x, block, "pre_self_attn_layer_norm", "self_attn_layer_norm", normed =>
            {
                using var inner = g.Scope("self_attn");
                var qkv = Tensor.Concat([.. "qkv".Select(part => Projection(block, $"self_attn.{part}_proj"))]);
                var attended = cached.Attend(layer, g.Linear(normed, config.Heads.PadOutputs(qkv)), scale: config.Heads.Scale);
                return g.Linear(attended, config.Heads.PadInputs(Projection(block, "self_attn.out_proj")));
            });
            x = Residual(g, x, block, "pre_encoder_attn_layer_norm", "encoder_attn_layer_norm",
                normed => Attend(g, normed, key, value, bias, block, "encoder_attn"));
            x = FeedForward(g, x, block, config.Decoder.Gated);
        }

        using (g.Scope("head"))
        {
            var head = decoder.Read("lm_head.weight", vocabulary, config.Width).Rows(..codes);
            cached.Finish(g.Linear(Norm(g, cached.Last(x), decoder, "final_ln", config.Width), head), codes);
        }
        return graph;
    }

    // Keys lie as the product with queries takes them.
    private Dimension[] KeyShape => ["batch", config.Heads.Count, config.Heads.Size, config.Encoder.Length];

    private Dimension[] ValueShape => ["batch", config.Heads.Count, config.Encoder.Length, config.Heads.Size];

    private static string CrossKey(int layer) => $"cross_key_{layer}";

    private static string CrossValue(int layer) => $"cross_value_{layer}";

    private string Embed(GraphBuilder g, Checkpoint weights, DalleBartConfig.Stack stack, string ids, Func<string, string> places)
    {
        using var scope = g.Scope("embedding");
        var tokens = g.Weight("token", weights.Read("embed_tokens.weight", stack.Vocabulary, config.Width));
        var positions = g.Weight("position", weights.Read("embed_positions.weight", stack.Length, config.Width));
        var x = g.Node("Add", [g.Node("Gather", [tokens, ids]), places(positions)]);
        return Norm(g, x, weights, "layernorm_embedding", config.Width);
    }

    /// <summary>x + norm(f(norm(x))).</summary>
    private string Residual(GraphBuilder g, string x, Checkpoint block, string before, string after, Func<string, string> f) =>
        g.Node("Add", [x, Norm(g, f(Norm(g, x, block, before, config.Width)), block, after, config.Width)]);

    /// <summary>x + W₂ norm(gelu(W₀ norm(x)) · W₁ norm(x)).</summary>
    private string FeedForward(GraphBuilder g, string x, Checkpoint block, int gated)
    {
        using var scope = g.Scope("glu");
        block = block.Subtree("glu.");
        var gates = Tensor.Concat(block.Read("fc0.weight", gated, config.Width), block.Read("fc1.weight", gated, config.Width));
        string[] halves = [g.Unique("gate"), g.Unique("value")];
        g.Node("Split", [g.Linear(Norm(g, x, block, "ln0", config.Width), gates)], halves, ("axis", -1), ("num_outputs", 2));
        var product = g.Node("Mul", [g.Node("Gelu", [halves[0]]), halves[1]]);
        return g.Node("Add", [x, g.Linear(Norm(g, product, block, "ln1", gated), block.Read("fc2.weight", config.Width, gated))]);
    }

    /// <summary>Attention of x, [batch, sequence, width], to all of the text but padding.</summary>
    private string Attend(GraphBuilder g, string x, string keys, string values, string bias, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        var queries = Heads(g, g.Linear(x, Projection(block, name + ".q_proj")), 0, 2, 1, 3);
        var scores = g.Node("Add", [g.Node("MatMul", [queries, keys]), bias]);
        var attended = g.Node("MatMul", [g.Node("Softmax", [scores], ("axis", -1)), values]);
        var ordered = g.Node("Transpose", [attended], ("perm", new long[] { 0, 2, 1, 3 }));
        var merged = g.Node("Reshape", [ordered, g.Constant("merged", 0, 0, config.Width)]);
        return g.Linear(merged, Projection(block, name + ".out_proj"));
    }

    /// <summary>Keys of the text, [batch, heads, head size, length], divided by √(head size) as scores are.</summary>
    private string Keys(GraphBuilder g, string state, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        var keys = g.Linear(state, Projection(block, name + ".k_proj"));
        return Heads(g, g.Node("Mul", [keys, g.Scalar("scale", 1 / MathF.Sqrt(config.Heads.Size))]), 0, 2, 3, 1);
    }

    /// <summary>Values of the text, [batch, heads, length, head size].</summary>
    private string Values(GraphBuilder g, string state, Checkpoint block, string name)
    {
        using var scope = g.Scope(name);
        return Heads(g, g.Linear(state, Projection(block, name + ".v_proj")), 0, 2, 1, 3);
    }

    /// <summary>Takes [batch, positions, width] apart into [batch, positions, heads, head size], and reorders the axes.</summary>
    private string Heads(GraphBuilder g, string x, params long[] axes) =>
        g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("heads", 0, 0, config.Heads.Count, config.Heads.Size)])], ("perm", axes));

    private Tensor Projection(Checkpoint block, string name) => block.Read(name + ".weight", config.Width, config.Width);

    /// <summary>A norm; those without a scale were trained, and may be saved, without one.</summary>
    private static string Norm(GraphBuilder g, string x, Checkpoint weights, string name, int width)
    {
        using var scope = g.Scope(name);
        var scale = weights.Contains(name + ".weight")
            ? weights.Read(name + ".weight", width)
            : new Tensor([.. Enumerable.Repeat(1f, width)], isHalf: false, width);
        return g.LayerNorm(x, scale, weights.Read(name + ".bias", width));
    }
}
