using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The prior network of Karlo: a causal transformer over the text, its embedding, the timestep, the noisy image embedding and a learned
/// query, whose last place is the prediction. The text and its embedding see nothing of what follows, so their keys and values are made
/// once.
/// </summary>
/// <param name="Embedding">Number of values of an embedding.</param>
/// <param name="TextWidth">Channels of a hidden state of the text.</param>
/// <param name="TextLength">Number of places of the text.</param>
/// <param name="Width">Channels of a hidden state.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Heads">Number of heads, which share the width.</param>
internal sealed record KarloPrior(int Embedding, int TextWidth, int TextLength, int Width, int Layers, int Heads)
{
    // The timestep, the image embedding and the query.
    private const int StepLength = 3;
    private const int MaxTextLength = 1024;
    private const int PublishedHeadSize = 64;

    private int PrefixLength => TextLength + 1;

    private int HeadSize => Width / Heads;

    /// <param name="weights">The tensors of the network.</param>
    /// <param name="heads">Number of heads, if something tells it.</param>
    /// <exception cref="InvalidDataException">The weights are not those of a prior.</exception>
    public static KarloPrior Infer(Checkpoint weights, int? heads)
    {
        var width = weights.Shape("prd_emb", rank: 3)[2];
        var (image, text) = (weights.Shape("clip_img_proj.weight", rank: 2)[1], weights.Shape("text_enc_proj.weight", rank: 2)[1]);
        var length = weights.Shape("positional_embedding", rank: 3)[1] - StepLength - 1;
        var layers = weights.Count("transformer.resblocks.", ".ln_1.weight");
        return layers > 0 && image > 0 && length is > 0 and <= MaxTextLength
            ? new KarloPrior(image, text, length, width, layers, HeadsOf(width, heads))
            : throw new InvalidDataException($"The prior has {layers} layers, embeddings of {image} values and {length} places of text; there must be layers, values, and 1 to {MaxTextLength} places.");
    }

    /// <summary>Number of heads that share a width: where nothing tells it, theirs is the published model's size.</summary>
    /// <exception cref="InvalidDataException">They do not divide the width evenly.</exception>
    public static int HeadsOf(int width, int? heads)
    {
        var count = heads ?? (width % PublishedHeadSize == 0 ? width / PublishedHeadSize : 0);
        return count > 0 && width % count == 0 ? count : throw new InvalidDataException(
            $"The prior's width of {width} cannot be divided by {(heads is null ? $"heads of {PublishedHeadSize}, the published model's" : $"{heads} heads")}. The weights do not tell their number: "
            + "give the configuration that does (config.json with prior.hparams.xf_heads; of diffusers, prior/config.json).");
    }

    /// <summary>Writes the graph of a text and that of a step, which share their weights.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string Condition, string Step) Write(BundleWriter bundle, Checkpoint weights, Precision precision)
    {
        using var shared = bundle.Weights("prior.weights");
        return (WriteCondition(bundle, weights, precision, shared), WriteStep(bundle, weights, precision, shared));
    }

    private string WriteCondition(BundleWriter bundle, Checkpoint weights, Precision precision, WeightsFile shared)
    {
        const string File = "prior_condition.onnx";
        using var g = bundle.Graph(File, precision, shared);
        var pooled = Linear(g, "pooled", weights, "text_emb_proj", Embedding, "batch", Embedding);
        var sequence = Linear(g, "sequence", weights, "text_enc_proj", TextWidth, "batch", TextLength, TextWidth);
        var x = g.Node("Concat", [sequence, g.Node("Unsqueeze", [pooled, g.Constant("place", 1)])], ("axis", 1));
        var bias = g.CausalBias(g.Input("mask", DataType.Bool, "batch", TextLength), TextLength, PrefixLength, PrefixLength);
        Run(g, x, weights, bias, first: 0, PrefixLength, (layer, keys, values) =>
        {
            g.Node("Identity", [keys], [$"key_{layer}"]);
            g.Node("Identity", [values], [$"value_{layer}"]);
            g.Output($"key_{layer}", g.Type, KeyShape);
            g.Output($"value_{layer}", g.Type, ValueShape);
            // Of the last layer nothing else is needed.
            return layer < Layers - 1 ? (keys, values) : null;
        });
        g.Save();
        return File;
    }

    private string WriteStep(BundleWriter bundle, Checkpoint weights, Precision precision, WeightsFile shared)
    {
        const string File = "prior.onnx";
        using var g = bundle.Graph(File, precision, shared);
        var image = Linear(g, "x", weights, "clip_img_proj", Embedding, "batch", Embedding);
        var time = g.TimeEmbedding(g.Input("t", DataType.Int64, "batch"), weights, Width, Width);
        var query = g.Rows(weights.Read("prd_emb", 1, 1, Width).Reshape(1, Width), g.Batch(image));
        string Place(string value) => g.Node("Unsqueeze", [value, g.Constant("place", 1)]);
        var x = g.Node("Concat", [Place(time), Place(image), query], ("axis", 1));
        var bias = g.CausalBias(g.Input("mask", DataType.Bool, "batch", TextLength), TextLength, StepLength, PrefixLength + StepLength);
        x = Run(g, x, weights, bias, PrefixLength, StepLength, (layer, keys, values) => (
            g.Node("Concat", [g.Input($"key_{layer}", g.Type, KeyShape), keys], ("axis", 3)),
            g.Node("Concat", [g.Input($"value_{layer}", g.Type, ValueShape), values], ("axis", 2))));
        x = g.Node("Gather", [x, g.Scalar("query", -1L)], ("axis", 1));
        using (g.Scope("final_ln"))
            x = weights.Contains("final_ln.weight") ? Norm(g, x, weights, "final_ln") : x;
        g.Finish(g.Linear(x, weights, "out_proj", Width, Embedding), "batch", Embedding);
        return File;
    }

    private Dimension[] KeyShape => ["batch", Heads, HeadSize, PrefixLength];

    private Dimension[] ValueShape => ["batch", Heads, PrefixLength, HeadSize];

    /// <summary>Runs the layers over places from <paramref name="first"/> on.</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">The places, without their positions.</param>
    /// <param name="weights">The tensors of the network.</param>
    /// <param name="bias">Is added to the scores.</param>
    /// <param name="first">The first place.</param>
    /// <param name="count">Number of places.</param>
    /// <param name="see">
    /// From a layer and the keys [batch, heads, size, places] and values [batch, heads, places, size] of these places to those that they
    /// see; null ends the run.
    /// </param>
    private string Run(
        GraphBuilder g, string x, Checkpoint weights, string bias, int first, int count, Func<int, string, string, (string Keys, string Values)?> see)
    {
        var positions = weights.Read("positional_embedding", 1, PrefixLength + StepLength, Width).Reshape(PrefixLength + StepLength, Width);
        x = g.Node("Add", [x, g.Weight("positions", positions.Rows(first..(first + count)))]);
        for (var layer = 0; layer < Layers; layer++)
        {
            using var scope = g.Scope($"layer_{layer}");
            var block = weights.Subtree($"transformer.resblocks.{layer}.");
            using (g.Scope("attention"))
            {
                var weight = block.Read("attn.c_qkv.weight", 3 * Width, Width).SplitHeads(Heads, 3);
                var qkv = g.Linear(Norm(g, x, block, "ln_1"), weight, block.Read("attn.c_qkv.bias", 3 * Width).SplitHeads(Heads, 3));
                var parts = g.Split(qkv, "query", "key", "value");
                string Heads4(string part, params long[] order) =>
                    g.Node("Transpose", [g.Node("Reshape", [part, g.Constant("heads", 0, count, Heads, HeadSize)])], ("perm", order));
                if (see(layer, Heads4(parts[1], 0, 2, 3, 1), Heads4(parts[2], 0, 2, 1, 3)) is not var (keys, values))
                    return x;
                var queries = g.Node("Mul", [Heads4(parts[0], 0, 2, 1, 3), g.Scalar("scale", 1 / MathF.Sqrt(HeadSize))]);
                var scores = g.Node("Add", [g.Cast(g.Node("MatMul", [queries, keys]), g.Type, DataType.Float), bias]);
                var shares = g.Cast(g.Node("Softmax", [scores], ("axis", -1)), DataType.Float, g.Type);
                var found = g.Node("Transpose", [g.Node("MatMul", [shares, values])], ("perm", new long[] { 0, 2, 1, 3 }));
                x = g.Node("Add", [x, g.Linear(g.Node("Reshape", [found, g.Constant("width", 0, count, Width)]), block, "attn.c_proj", Width, Width)]);
            }
            using (g.Scope("mlp"))
            {
                var hidden = g.Node("Gelu", [g.Linear(Norm(g, x, block, "ln_2"), block, "mlp.c_fc", Width, 4 * Width)]);
                x = g.Node("Add", [x, g.Linear(hidden, block, "mlp.c_proj", 4 * Width, Width)]);
            }
        }
        return x;
    }

    private string Norm(GraphBuilder g, string x, Checkpoint weights, string name) =>
        g.LayerNorm(x, weights.Read(name + ".weight", Width), weights.Read(name + ".bias", Width));

    /// <summary>A linear layer of an input.</summary>
    private string Linear(GraphBuilder g, string input, Checkpoint weights, string name, int from, params Dimension[] shape) =>
        g.Linear(g.Cast(g.Input(input, DataType.Float, shape), DataType.Float, g.Type), weights, name, from, Width);
}
