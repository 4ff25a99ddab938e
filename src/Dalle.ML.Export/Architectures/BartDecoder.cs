using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>The image side of DALL·E mini: the decoder of a BART, which attends to the text through <see cref="BartTextEncoder"/>.</summary>
internal sealed class BartDecoder(Checkpoint decoder, BartConfig config)
{
    /// <summary>Writes the graph that decodes image tokens.</summary>
    /// <param name="bundle">Takes the graph.</param>
    /// <param name="precision">How products with weights are computed.</param>
    /// <param name="start">The id that begins the image.</param>
    /// <param name="codebookSize">Size of the codebook; the ids behind it are never sampled.</param>
    /// <exception cref="InvalidDataException">The model does not have that many ids.</exception>
    public DecoderGraph Write(BundleWriter bundle, Precision precision, int start, int codebookSize)
    {
        var vocabulary = config.Decoder.Vocabulary;
        if (codebookSize > vocabulary || start < 0 || start >= vocabulary)
        {
            throw new InvalidDataException($"The decoder has {vocabulary} ids: too few for {codebookSize} image tokens, or for the id {start} that "
                + "starts an image (setting 'bos').");
        }
        var graph = new DecoderGraph
        {
            File = "decoder.onnx",
            Start = [start],
            ImageIdOffset = 0,
            TotalLength = "total_length",
            Cache = config.Heads.Cache(precision, config.Decoder.Layers, config.Decoder.Length),
        };
        using var g = bundle.Graph(graph.File, precision);
        var layers = new BartLayers(g, config);
        var cached = new CachedDecoder(g, graph);
        var bias = g.Input(BartLayers.PaddingBias, g.Type, "batch", 1, 1, config.Encoder.Length);
        var x = layers.Embed(decoder, config.Decoder, cached.Ids, places => g.Node("Gather", [places, cached.Positions]));
        for (var layer = 0; layer < config.Decoder.Layers; layer++)
        {
            var block = decoder.Subtree($"layers.{layer}.");
            var (key, value) = (g.Input(BartLayers.CrossKey(layer), g.Type, layers.KeyShape), g.Input(BartLayers.CrossValue(layer), g.Type, layers.ValueShape));
            using var scope = g.Scope($"layer_{layer}");
            x = layers.Residual(x, block, "pre_self_attn_layer_norm", "self_attn_layer_norm", normed =>
            {
                using var inner = g.Scope("self_attn");
                var qkv = Tensor.Concat([.. "qkv".Select(part => layers.Projection(block, $"self_attn.{part}_proj"))]);
                var attended = cached.Attend(layer, g.Linear(normed, config.Heads.PadOutputs(qkv)), scale: config.Heads.Scale);
                return g.Linear(attended, config.Heads.PadInputs(layers.Projection(block, "self_attn.out_proj")));
            });
            x = layers.Residual(x, block, "pre_encoder_attn_layer_norm", "encoder_attn_layer_norm",
                normed => layers.Attend(normed, key, value, bias, block, "encoder_attn"));
            x = layers.FeedForward(x, block, config.Decoder.Gated);
        }

        using (g.Scope("head"))
        {
            var head = decoder.Read("lm_head.weight", vocabulary, config.Width).Rows(..codebookSize);
            cached.Finish(g.Linear(layers.Norm(cached.Last(x), decoder, "final_ln", config.Width), head), codebookSize);
        }
        return graph;
    }
}
