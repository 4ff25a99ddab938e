using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ClipTransformer;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// The text tower of CLIP as Karlo takes it: an embedding of whatever length, all hidden states, and which of them are text; and the
/// embedding of length 1, which ranks images.
/// </summary>
internal static class KarloText
{
    /// <summary>Writes the graph.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public static string Write(BundleWriter bundle, ClipText clip, int embedding, Checkpoint weights)
    {
        const string File = "text.onnx";
        using var g = bundle.Graph(File);
        var (ids, states, end) = g.TextTower(clip, weights);
        var sequence = g.LastNorm(states, clip, weights);
        g.Node("Identity", [sequence], ["sequence"]);
        g.Output("sequence", DataType.Float, "batch", clip.Length, clip.Width);
        var found = g.Node("GatherND", [sequence, end], ("batch_dims", 1));
        g.Node("Identity", [g.MatMul(found, Rounded(weights.Read("text_projection", clip.Width, embedding), clip.Rounds))], ["pooled"]);
        g.Output("pooled", DataType.Float, "batch", embedding);
        // An exclamation mark has the id of padding, and a text may name ends: only the last of them tells what is text.
        var last = g.Node("ArgMax", [g.Cast(ids, DataType.Int64, DataType.Float)], ("axis", 1), ("keepdims", 1), ("select_last_index", 1));
        long[] places = [.. Enumerable.Range(0, clip.Length)];
        g.Node("LessOrEqual", [g.Constant("places", places), last], ["mask"]);
        g.Output("mask", DataType.Bool, "batch", clip.Length);
        g.SaveEmbedding("pooled", embedding);
        return File;
    }
}
