using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The prior network of DALLE2-pytorch: a causal transformer over text, text embedding, timestep, noisy image embedding and a learned
/// query, whose last place is the prediction. What comes before the timestep sees nothing of what follows, so its keys and values are made
/// once for a text.
/// </summary>
internal sealed record Dalle2Prior
{
    private const int Buckets = 32;
    private const int Farthest = 128;

    // A table of all pairs of places is written out for every head.
    private const int MaxPrefix = 1024;
    private const int MaxHeads = 256;

    public required Dalle2Generation Generation { get; init; }

    /// <summary>Number of values of an embedding and of a hidden state.</summary>
    public required int Dim { get; init; }

    public required int Depth { get; init; }

    public required int Heads { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>Width of the feed-forward.</summary>
    public required int Hidden { get; init; }

    /// <summary>Number of places of the text; 0 where it is not seen at all.</summary>
    public required int TextLength { get; init; }

    /// <summary>Whether the text itself is seen, not only its embedding.</summary>
    public bool SeesText { get; init; } = true;

    /// <summary>Number of timesteps that have embeddings; null where one is made of their sinusoid.</summary>
    public int? Timesteps { get; init; }

    /// <summary>Places of the text embedding, the timestep and the image embedding.</summary>
    public (int Text, int Time, int Image) Places { get; init; } = (1, 1, 1);

    /// <summary>Number of frequencies of rotary positions; 0 where there are none.</summary>
    public int Frequencies { get; init; }

    public bool NormalizesInput { get; init; }

    public bool NormalizesOutput { get; init; } = true;

    public bool ProjectsOutput { get; init; } = true;

    /// <summary>Whether there is a layer norm inside the feed-forward.</summary>
    public bool NormalizesHidden { get; init; }

    /// <summary>Whether it sees its last estimate.</summary>
    public bool SelfConditions { get; init; }

    private int PrefixLength => TextLength + Places.Text;

    private int StepLength => Places.Time + Places.Image + (SelfConditions ? 1 : 0) + 1;

    private bool Masks => Generation.PriorNulls.Count == 0;

    private bool LearnsNulls => Generation.PriorNulls.Count == 3;

    /// <summary>Whether text can be hidden from it: versions 0.23.1 to 1.4.2 made a mask for that and never used it.</summary>
    public bool HeedsGuidance => Masks || LearnsNulls;

    private Dalle2Attention Attention => new(Generation, Dim, Heads, HeadSize, Generation.PriorIsCosine);

    /// <param name="weights">The tensors of the network.</param>
    /// <param name="generation">Its arithmetic.</param>
    /// <param name="sequenceLength">Number of hidden states of a text.</param>
    /// <param name="seesText">Whether the text itself is seen.</param>
    /// <param name="selfConditions">Whether it sees its last estimate.</param>
    /// <exception cref="InvalidDataException">The weights are not those of a prior.</exception>
    public static Dalle2Prior Infer(Checkpoint weights, Dalle2Generation generation, int sequenceLength, bool seesText, bool selfConditions)
    {
        const string Layer = "causal_transformer.layers.0.";
        var dim = weights.Shape("learned_query", rank: 1)[0] is > 0 and var width ? width : throw new InvalidDataException("The prior has no channels ('learned_query').");
        int Times(string name) => weights.Contains(name) ? weights.Shape(name, rank: 2)[0] / dim : 1;
        var isTable = weights.Contains("to_time_embeds.0.weight");
        var time = isTable ? weights.Shape("to_time_embeds.0.weight", rank: 2) : null;
        var prior = new Dalle2Prior
        {
            Generation = generation,
            Dim = dim,
            Depth = weights.Count("causal_transformer.layers.", ".0.null_kv"),
            Heads = weights.Shape("causal_transformer.rel_pos_bias.relative_attention_bias.weight", rank: 2)[1],
            HeadSize = weights.Shape(Layer + "0.null_kv", rank: 2)[1],
            Hidden = weights.Shape(Layer + "1.5.weight", rank: 2)[1],
            SeesText = seesText,
            TextLength = generation.PriorNulls is [var learned, ..] ? weights.Shape(learned, rank: 3)[1] : seesText ? sequenceLength : 0,
            Timesteps = time?[0],
            Places = (Times("to_text_embeds.0.weight"), time is null ? weights.Shape("to_time_embeds.0.1.net.2.weight", rank: 2)[0] / dim : time[1] / dim, Times("to_image_embeds.0.weight")),
            Frequencies = weights.Contains(Layer + "0.rotary_emb.freqs") ? weights.Shape(Layer + "0.rotary_emb.freqs", rank: 1)[0] : 0,
            NormalizesInput = weights.Contains($"causal_transformer.init_norm.{generation.Norm}"),
            NormalizesOutput = weights.Contains($"causal_transformer.norm.{generation.Norm}"),
            ProjectsOutput = weights.Contains("causal_transformer.project_out.weight"),
            NormalizesHidden = weights.Contains($"{Layer}1.3.{generation.Norm}"),
            SelfConditions = selfConditions,
        };
        return prior is { Depth: > 0, Heads: > 0 and <= MaxHeads, HeadSize: > 0 } && prior.PrefixLength <= MaxPrefix && 2 * prior.Frequencies <= prior.HeadSize
            ? prior
            : throw new InvalidDataException($"The prior has {prior.Depth} layers of {prior.Heads} heads of {prior.HeadSize} values and {prior.PrefixLength} places of text; "
                + $"there must be layers, 1 to {MaxHeads} heads that hold {2 * prior.Frequencies} rotated values, and at most {MaxPrefix} places.");
    }

    /// <summary>Writes the graph of a text and that of a step, which share their weights.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string Condition, string Step) Write(BundleWriter bundle, Checkpoint weights, int sequenceLength, Precision precision)
    {
        using var shared = bundle.Weights("prior.weights");
        return (WriteCondition(bundle, weights, sequenceLength, precision, shared), WriteStep(bundle, weights, precision, shared));
    }

    private string WriteCondition(BundleWriter bundle, Checkpoint weights, int sequenceLength, Precision precision, WeightsFile shared)
    {
        const string File = "prior_condition.onnx";
        using var g = bundle.Graph(File, precision, shared);
        var pooled = g.Cast(g.Input("pooled", DataType.Float, "batch", Dim), DataType.Float, g.Type);
        var batch = g.Batch(pooled);
        string? conditional = HeedsGuidance ? g.Node("Reshape", [g.Input("conditional", DataType.Bool, "batch"), g.Constant("row", -1, 1, 1)]) : null;
        var embeds = Spread(g, pooled, weights, "to_text_embeds.0", Places.Text);
        if (LearnsNulls)
            embeds = g.Node("Where", [conditional!, embeds, g.Weight("null_text_embeds", weights.Read("null_text_embeds", 1, Places.Text, Dim))]);
        List<string> tokens = [], seen = [];
        if (TextLength > 0)
            tokens.Add(Text(g, weights, sequenceLength, batch, conditional, seen));
        tokens.Add(embeds);
        var x = tokens.Count == 1 ? tokens[0] : g.Node("Concat", [.. tokens], ("axis", 1));
        string[] biases = [];
        if (Masks)
        {
            // The learned key is always seen, the text where there is some, both only by conditional rows.
            var shown = g.Node("Expand", [conditional!, g.Node("Concat", [batch, g.Constant("places", 1, Places.Text)], ("axis", 0))]);
            var keys = g.Node("Concat", [.. seen, shown], ("axis", 2));
            var bias = g.Node("Where", [keys, g.Scalar("seen", 0f), g.Scalar("hidden", Dalle2Attention.Masked)]);
            biases = [g.Node("Pad", [bias, g.Constant("learned", 0, 0, 1, 0, 0, 0)])];
            g.Node("Identity", biases, ["key_bias"]);
            g.Output("key_bias", g.Type, "batch", 1, 1 + PrefixLength);
        }
        Run(g, x, weights, batch, first: 0, PrefixLength, biases, cache: null, out var cached);
        foreach (var (name, layers) in new[] { ("keys", cached.Select(layer => layer.Keys)), ("values", cached.Select(layer => layer.Values)) })
        {
            g.Node("Concat", [.. layers.Select(layer => g.Node("Unsqueeze", [layer, g.Constant("layer", 1)]))], [name], ("axis", 1));
            g.Output(name, g.Type, "batch", Depth, 1 + PrefixLength, HeadSize);
        }
        g.Save();
        return File;
    }

    /// <summary>
    /// The text's places [batch, length, dim]; what is absent is learned, or masked by what is added to <paramref name="seen"/>.
    /// </summary>
    private string Text(GraphBuilder g, Checkpoint weights, int sequenceLength, string batch, string? conditional, List<string> seen)
    {
        var learned = Masks ? null : weights.Read(Generation.PriorNulls[0], 1, TextLength, Dim).Reshape(TextLength, Dim);
        if (!SeesText)
            return g.Rows(learned!, batch);
        var length = Math.Min(sequenceLength, TextLength);
        var text = g.Cast(g.Input("sequence", DataType.Float, "batch", sequenceLength, Dim), DataType.Float, g.Type);
        var mask = g.Input("mask", DataType.Bool, "batch", sequenceLength);
        if (length < sequenceLength)
        {
            text = g.Node("Slice", [text, g.Constant("start", 0), g.Constant("end", length), g.Constant("axis", 1)]);
            mask = g.Node("Slice", [mask, g.Constant("start", 0), g.Constant("end", length), g.Constant("axis", 1)]);
        }
        if (Masks)
        {
            seen.Add(g.Node("And", [g.Node("Unsqueeze", [mask, g.Constant("query", 1)]), conditional!]));
            return text;
        }
        var shown = g.Node("Unsqueeze", [mask, g.Constant("channel", 2)]);
        shown = LearnsNulls ? g.Node("And", [shown, conditional!]) : shown;
        text = g.Node("Where", [shown, text, g.Weight("null_text", learned!.Rows(..length))]);
        return length == TextLength ? text : g.Node("Concat", [text, g.Rows(learned!.Rows(length..), batch)], ("axis", 1));
    }

    private string WriteStep(BundleWriter bundle, Checkpoint weights, Precision precision, WeightsFile shared)
    {
        const string File = "prior.onnx";
        using var g = bundle.Graph(File, precision, shared);
        string Float(string name) => g.Cast(g.Input(name, DataType.Float, "batch", Dim), DataType.Float, g.Type);
        var embedding = Float("x");
        var batch = g.Batch(embedding);
        var t = g.Input("t", DataType.Int64, "batch");
        var time = Timesteps is { } count
            ? g.Node("Gather", [g.Weight("time", weights.Read("to_time_embeds.0.weight", count, Places.Time * Dim)), t])
            : ContinuousTime(g, t, weights);
        time = g.Node("Reshape", [time, g.Constant("places", 0, Places.Time, Dim)]);
        var image = Spread(g, embedding, weights, "to_image_embeds.0", Places.Image);
        if (LearnsNulls)
        {
            var conditional = g.Node("Reshape", [g.Input("conditional", DataType.Bool, "batch"), g.Constant("row", -1, 1, 1)]);
            image = g.Node("Where", [conditional, image, g.Weight("null_image_embed", weights.Read("null_image_embed", 1, Dim))]);
        }
        List<string> tokens = [time, image];
        if (SelfConditions)
            tokens.Add(g.Node("Unsqueeze", [Float("self_condition"), g.Constant("place", 1)]));
        tokens.Add(g.Rows(weights.Read("learned_query", Dim).Reshape(1, Dim), batch));
        string x;
        using (g.Scope("tokens"))
            x = g.Node("Concat", [.. tokens], ("axis", 1));
        string Input(string name, params Dalle.ML.Onnx.Dimension[] shape) => g.Input(name, g.Type, shape);
        var (keys, values) = (Input("keys", "batch", Depth, 1 + PrefixLength, HeadSize), Input("values", "batch", Depth, 1 + PrefixLength, HeadSize));
        string[] biases = Masks ? [g.Node("Pad", [Input("key_bias", "batch", 1, 1 + PrefixLength), g.Constant("seen", 0, 0, 0, 0, 0, StepLength)])] : [];
        x = Run(g, x, weights, batch, PrefixLength, StepLength, biases, (keys, values), out _);
        x = g.Node("Gather", [x, g.Scalar("query", -1L)], ("axis", 1));
        if (NormalizesOutput)
        {
            using var scope = g.Scope("final_norm");
            if (Generation.StabilizesPrior)
                x = g.Node("Div", [x, g.Node("ReduceMax", [x, g.Constant("axis", -1)], ("keepdims", 1))]);
            x = g.ScaleNorm(x, weights, $"causal_transformer.norm.{Generation.Norm}", Dim);
        }
        if (ProjectsOutput)
            x = g.Linear(x, weights.Read("causal_transformer.project_out.weight", Dim, Dim));
        g.Finish(x, "batch", Dim);
        return File;
    }

    /// <summary>
    /// Runs places that begin at <paramref name="first"/>; of the last layer before a cache only keys and values are needed.
    /// </summary>
    private string Run(
        GraphBuilder g, string x, Checkpoint weights, string batch, int first, int count, string[] biases,
        (string Keys, string Values)? cache, out (string Keys, string Values)[] made)
    {
        var all = weights.Subtree("causal_transformer.");
        var heads = Attention;
        made = new (string, string)[Depth];
        if (NormalizesInput)
            x = g.ScaleNorm(x, all, $"init_norm.{Generation.Norm}", Dim);
        string[] scores = [g.Weight("positions", Positions(all, first, count)), .. biases];
        for (var layer = 0; layer < Depth; layer++)
        {
            using var scope = g.Scope($"layer_{layer}");
            var (attention, feed) = (all.Subtree($"layers.{layer}.0."), all.Subtree($"layers.{layer}.1."));
            var rotation = Frequencies == 0 ? null : new Dalle2Rotation(attention.Read("rotary_emb.freqs", Frequencies).Values, HeadSize);
            using (g.Scope("attention"))
            {
                var normed = heads.Norm(g, x, attention);
                var (keys, values) = made[layer] = heads.KeysAndValues(g, normed, attention, count, batch, rotation, first);
                if (cache is null && layer == Depth - 1)
                    return x;
                if (cache is var (cachedKeys, cachedValues))
                {
                    string Layer(string cached) => g.Node("Gather", [cached, g.Scalar("layer", (long)layer)], ("axis", 1));
                    (keys, values) = (g.Node("Concat", [Layer(cachedKeys), keys], ("axis", 1)), g.Node("Concat", [Layer(cachedValues), values], ("axis", 1)));
                }
                var queries = heads.Queries(g, normed, attention, count, rotation, first);
                x = g.Node("Add", [x, heads.Attend(g, queries, keys, values, attention, count, scores)]);
            }
            using (g.Scope("feed_forward"))
                x = g.Node("Add", [x, FeedForward(g, x, feed)]);
        }
        return x;
    }

    /// <summary>Two products with x · swish(gate) between them (SwiGLU).</summary>
    private string FeedForward(GraphBuilder g, string x, Checkpoint weights)
    {
        x = g.ScaleNorm(x, weights, $"0.{Generation.Norm}", Dim);
        var halves = g.Split(g.Linear(x, weights.Read("1.weight", 2 * Hidden, Dim)), "value", "gate");
        x = g.Node("Mul", [halves[0], g.Swish(halves[1])]);
        if (NormalizesHidden)
            x = g.ScaleNorm(x, weights, $"3.{Generation.Norm}", Hidden);
        return g.Linear(x, weights.Read("5.weight", Dim, Hidden));
    }

    /// <summary>
    /// What relative positions add to the scores [places · heads, keys] (Raffel et al. 2020), and what hides later places. Key 0 is the
    /// learned one, so that a place and the one before it are both at distance 0.
    /// </summary>
    private Tensor Positions(Checkpoint weights, int first, int count)
    {
        var table = weights.Read("rel_pos_bias.relative_attention_bias.weight", Buckets, Heads).Values;
        var keys = 1 + first + count;
        var bias = new float[count * Heads * keys];
        for (var query = 0; query < count; query++)
        {
            for (var key = 0; key < keys; key++)
            {
                var place = first + query;
                for (var head = 0; head < Heads; head++)
                {
                    bias[(query * Heads + head) * keys + key] = key > place + 1
                        ? Dalle2Attention.Masked
                        : table[Bucket(Math.Max(place - key, 0)) * Heads + head] * Generation.PriorBiasFactor;
                }
            }
        }
        return new Tensor(bias, isFloat16: false, count * Heads, keys);
    }

    /// <summary>The first half of the buckets are distances, the others logarithms of them.</summary>
    private static int Bucket(int distance)
    {
        const int Exact = Buckets / 2;
        return distance < Exact ? distance
            : Math.Min(Buckets - 1, Exact + (int)(MathF.Log(distance / (float)Exact) / (float)Math.Log(Farthest / Exact) * (Buckets - Exact)));
    }

    /// <summary>An embedding as one place, or as several by a linear layer.</summary>
    private string Spread(GraphBuilder g, string x, Checkpoint weights, string name, int places)
    {
        if (places > 1)
            x = g.Linear(x, weights, name, Dim, places * Dim);
        return g.Node("Reshape", [x, g.Constant("places", 0, places, Dim)]);
    }

    private string ContinuousTime(GraphBuilder g, string t, Checkpoint weights)
    {
        var hidden = 2 * Places.Time * Dim;
        var part = weights.Subtree("to_time_embeds.0.1.net.");
        var waves = g.Sinusoid(t, Dim);
        if (Generation.TruncatesTime)
            waves = g.Cast(g.Cast(waves, g.Type, DataType.Int64), DataType.Int64, g.Type);
        var x = g.Swish(g.Linear(waves, part, "0.0", Dim, hidden));
        x = g.Swish(g.Linear(x, part, "1.0", hidden, hidden));
        return g.Linear(x, part, "2", hidden, Places.Time * Dim);
    }
}

internal static class DiffusionOutput
{
    /// <summary>Ends the graph of a step.</summary>
    public static void Finish(this GraphBuilder g, string x, params Dalle.ML.Onnx.Dimension[] shape)
    {
        g.Node("Cast", [x], ["prediction"], ("to", (long)DataType.Float));
        g.Output("prediction", DataType.Float, shape);
        g.Save();
    }
}
