using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>The text side of DALL·E mini: the encoder of a BART, and the keys and values that its decoder attends to.</summary>
internal sealed class BartTextEncoder(Checkpoint encoder, Checkpoint decoder, BartConfig config)
{
    // Far below every score, and still a half; its exponential is zero.
    private const float Masked = -10000;

    /// <summary>
    /// Writes the graph from a prompt's ids to what the decoder attends to: keys and values of each of its layers, which depend on the text
    /// alone, and a bias that hides padding.
    /// </summary>
    public TextEncoderGraph Write(BundleWriter bundle, Precision precision)
    {
        var graph = new TextEncoderGraph
        {
            File = "text_encoder.onnx",
            Outputs = [BartLayers.PaddingBias, .. Enumerable.Range(0, config.Decoder.Layers).SelectMany(layer => new[] { BartLayers.CrossKey(layer), BartLayers.CrossValue(layer) })],
        };
        using var g = bundle.Graph(graph.File, precision);
        var layers = new BartLayers(g, config);
        var length = config.Encoder.Length;
        var ids = g.Input(graph.Ids, DataType.Int64, "batch", length);
        var isPadding = g.Cast(g.Node("Equal", [ids, g.Scalar("padding", (long)BartLayers.TextPadding)]), DataType.Bool, g.Type);
        g.Node("Unsqueeze", [g.Node("Mul", [isPadding, g.Scalar("masked", Masked)]), g.Constant("bias_axes", 1, 2)], [BartLayers.PaddingBias]);
        g.Output(BartLayers.PaddingBias, g.Type, "batch", 1, 1, length);

        var x = layers.Embed(encoder, config.Encoder, ids, places => places);
        for (var layer = 0; layer < config.Encoder.Layers; layer++)
        {
            var block = encoder.Subtree($"layers.{layer}.");
            using var scope = g.Scope($"layer_{layer}");
            x = layers.Residual(x, block, "pre_self_attn_layer_norm", "self_attn_layer_norm", normed =>
            {
                var (key, value) = (layers.Keys(normed, block, "self_attn"), layers.Values(normed, block, "self_attn"));
                return layers.Attend(normed, key, value, BartLayers.PaddingBias, block, "self_attn");
            });
            x = layers.FeedForward(x, block, config.Encoder.Gated);
        }

        var state = layers.Norm(x, encoder, "final_ln", config.Width);
        for (var layer = 0; layer < config.Decoder.Layers; layer++)
        {
            var block = decoder.Subtree($"layers.{layer}.");
            using var scope = g.Scope($"cross_{layer}");
            g.Node("Identity", [layers.Keys(state, block, "encoder_attn")], [BartLayers.CrossKey(layer)]);
            g.Node("Identity", [layers.Values(state, block, "encoder_attn")], [BartLayers.CrossValue(layer)]);
            g.Output(BartLayers.CrossKey(layer), g.Type, layers.KeyShape);
            g.Output(BartLayers.CrossValue(layer), g.Type, layers.ValueShape);
        }
        g.Save();
        return graph;
    }
}
