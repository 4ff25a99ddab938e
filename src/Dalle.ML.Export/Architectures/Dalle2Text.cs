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
        var (ids, x, end) = g.TextTower(clip.Text, weights);
        x = g.LastNorm(x, clip.Text, weights);
        g.Node("Identity", [x], ["sequence"]);
        g.Output("sequence", DataType.Float, "batch", length, width);

        // Text ends with the first id of an end, and what is not the largest id is not pooled. Id 0 is padding, although it is an
        // exclamation mark as well.
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
