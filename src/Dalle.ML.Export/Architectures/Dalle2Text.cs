using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ClipTransformer;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The text tower of CLIP as DALLE2-pytorch takes it: an embedding of length 1, all hidden states, and which of them are text.
/// </summary>
internal static class Dalle2Text
{
    /// <summary>Writes the graph.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public static string Write(BundleWriter bundle, OpenAiClip clip, Checkpoint weights)
    {
        const string File = "text.onnx";
        using var g = bundle.Graph(File);
        var (width, length) = (clip.Text.Width, clip.Text.Length);
        var ids = g.Input("ids", DataType.Int64, "batch", length);
        var tokens = g.Node("Gather", [g.Weight("token", weights.Read("token_embedding.weight", clip.Text.Vocabulary, width)), ids]);
        var x = g.Node("Add", [tokens, g.Weight("position", weights.Read("positional_embedding", length, width))]);
        x = g.Transformer(x, weights.Subtree("transformer."), clip.Text.Layers, width, isCausal: true);
        x = g.LayerNorm(x, weights.Read("ln_final.weight", width), weights.Read("ln_final.bias", width));
        g.Node("Identity", [x], ["sequence"]);
        g.Output("sequence", DataType.Float, "batch", length, width);

        // Text ends with the first id of an end, and what is not the largest id is not pooled. Id 0 is padding, although it is an
        // exclamation mark as well.
        var end = g.Node("ArgMax", [g.Cast(ids, DataType.Int64, DataType.Float)], ("axis", 1), ("keepdims", 1));
        var pooled = g.MatMul(g.Node("GatherND", [x, end], ("batch_dims", 1)), Rounded(weights.Read("text_projection", width, clip.Embedding)));
        g.Node("LpNormalization", [pooled], ["pooled"], ("axis", -1), ("p", 2));
        g.Output("pooled", DataType.Float, "batch", clip.Embedding);
        var ends = g.Cast(g.Node("Equal", [ids, g.Scalar("end", (long)clip.Text.Vocabulary - 1)]), DataType.Bool, DataType.Float);
        var passed = g.Node("CumSum", [ends, g.Scalar("axis", 1L)], ("exclusive", 1));
        var isBefore = g.Node("Less", [passed, g.Scalar("half", 0.5f)]);
        g.Node("And", [isBefore, g.Node("Not", [g.Node("Equal", [ids, g.Scalar("padding", 0L)])])], ["mask"]);
        g.Output("mask", DataType.Bool, "batch", length);
        g.Save();
        return File;
    }
}
