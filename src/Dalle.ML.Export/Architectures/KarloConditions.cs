using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>What Karlo's decoder makes of an image embedding and a text before its steps.</summary>
/// <param name="Embedding">Number of values of an embedding.</param>
/// <param name="TextWidth">Channels of a hidden state of the text.</param>
/// <param name="Width">Channels of what attention sees.</param>
/// <param name="Tokens">Number of places that the image embedding becomes.</param>
internal sealed record KarloConditions(int Embedding, int TextWidth, int Width, int Tokens)
{
    private const int MaxTokens = 1024;

    /// <exception cref="InvalidDataException">The weights are not those of such a decoder.</exception>
    public static KarloConditions Infer(Checkpoint weights)
    {
        var text = weights.Shape("text_seq_proj.0.weight", rank: 2);
        var tokens = weights.Shape("clip_tok_proj.weight", rank: 2);
        return text[0] > 0 && tokens[0] / text[0] is > 0 and <= MaxTokens and var count && tokens[0] % text[0] == 0
            ? new KarloConditions(tokens[1], text[1], text[0], count)
            : throw new InvalidDataException($"The decoder makes {tokens[0]} values of an image embedding; its attention sees places of {text[0]}, 1 to {MaxTokens} of which they must fill.");
    }

    /// <summary>
    /// What is added to the embedding of the timestep [batch, <paramref name="timeDim"/>], and what attention sees [batch, places, width].
    /// </summary>
    public (string Time, string Context) Build(GraphBuilder g, Checkpoint weights, int timeDim, int textLength)
    {
        string Input(string name, params Dalle.ML.Onnx.Dimension[] shape) => g.Cast(g.Input(name, DataType.Float, shape), DataType.Float, g.Type);
        var conditional = g.Node("Unsqueeze", [g.Input("conditional", DataType.Bool, "batch"), g.Constant("column", 1)]);
        var z = g.Node("Where", [conditional, Input("embedding", "batch", Embedding), g.Weight("cf_param", weights.Read("cf_param", Embedding))]);
        var time = g.Node("Add", [
            g.Linear(z, weights, "clip_emb", Embedding, timeDim), g.Linear(Input("pooled", "batch", Embedding), weights, "text_feat_proj", Embedding, timeDim)]);

        // Neighbours in a row belong to different places.
        var tokens = g.Node("Reshape", [g.Linear(z, weights, "clip_tok_proj", Embedding, Width * Tokens), g.Constant("tokens", 0, Width, Tokens)]);
        tokens = g.Node("Transpose", [tokens], ("perm", new long[] { 0, 2, 1 }));
        var text = g.Linear(Input("sequence", "batch", textLength, TextWidth), weights, "text_seq_proj.0", TextWidth, Width);
        text = g.LayerNorm(text, weights.Read("text_seq_proj.1.weight", Width), weights.Read("text_seq_proj.1.bias", Width));
        return (time, g.Node("Concat", [tokens, text], ("axis", 1)));
    }
}
