using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>The layers of a transformer: x + attention(norm(x)), then x + mlp(norm(x)), with the variations of the families.</summary>
internal sealed record TransformerLayers
{
    private const float LargestHalf = 65504;

    /// <summary>Number of layers.</summary>
    public required int Count { get; init; }

    /// <summary>Channels of a hidden state.</summary>
    public required int Dim { get; init; }

    public required AttentionHeads Heads { get; init; }

    public required LayerNames Names { get; init; }

    public Activation Activation { get; init; }

    /// <summary>Whether what attention adds is clamped to the range of Float16 first (CogView).</summary>
    public bool ClampsAttention { get; init; }

    /// <summary>Whether attention and MLP each read what the other has added to (Gomez et al. 2017).</summary>
    public bool IsReversible { get; init; }

    /// <summary>Name of all layers together in the graph, if they have one.</summary>
    public string? Scope { get; init; }

    /// <summary>Adds the layers to a graph and returns hidden states [batch, sequence, dim].</summary>
    /// <param name="g">The graph.</param>
    /// <param name="x">Hidden states [batch, sequence, dim].</param>
    /// <param name="weights">The checkpoint.</param>
    /// <param name="attend">From a layer's number and its queries, keys and values, side by side, to the attended values.</param>
    /// <param name="shift">Transforms the normalized input of each part, if anything does.</param>
    public string Run(GraphBuilder g, string x, Checkpoint weights, Func<int, string, string> attend, Func<string, string>? shift = null)
    {
        using var whole = Scope is null ? null : g.Scope(Scope);
        var (first, second) = (x, x);
        for (var layer = 0; layer < Count; layer++)
        {
            using var scope = g.Scope($"layer_{layer}");
            using (g.Scope("attention"))
            {
                var part = weights.Subtree(Names.Attention(layer));
                first = g.Node("Add", [first, Attention(g, second, part, qkv => attend(layer, qkv), shift)]);
            }
            second = IsReversible ? second : first;
            using (g.Scope(Names.MlpScope))
            {
                var part = weights.Subtree(Names.Mlp(layer));
                second = g.Node("Add", [second, Mlp(g, first, part, shift)]);
            }
            first = IsReversible ? first : second;
        }
        return IsReversible ? g.Node("Mul", [g.Node("Add", [first, second]), g.Scalar("half", 0.5f)]) : second;
    }

    private string Attention(GraphBuilder g, string x, Checkpoint part, Func<string, string> attend, Func<string, string>? shift)
    {
        var (inner, channels) = (Names.Inner(part), Heads.Count * Heads.Size);
        x = g.Norm(x, part, Names.AttentionNorm, Dim);
        x = g.Linear(shift?.Invoke(x) ?? x, inner, Names.Qkv, Dim, 3 * channels, Heads.PadOutputs, Heads.PadOutputs);
        x = g.Linear(attend(x), inner, Names.Output, channels, Dim, Heads.PadInputs);
        if (ClampsAttention)
            x = g.Node("Clip", [x, g.Scalar("least", -LargestHalf), g.Scalar("most", LargestHalf)]);
        return Out(g, x, part, Names.AttentionNormOut);
    }

    private string Mlp(GraphBuilder g, string x, Checkpoint part, Func<string, string>? shift)
    {
        var (inner, hidden) = (Names.Inner(part), 4 * Dim);
        x = g.Norm(x, part, Names.MlpNorm, Dim);
        x = g.Linear(shift?.Invoke(x) ?? x, inner, Names.Up, Dim, Activation == Activation.GatedGelu ? 2 * hidden : hidden);
        x = g.Linear(g.Activate(x, Activation), inner, Names.Down, hidden, Dim);
        return Out(g, x, part, Names.MlpNormOut);
    }

    /// <summary>Normalizes and scales what a part adds to the hidden states, where a family does.</summary>
    private string Out(GraphBuilder g, string x, Checkpoint part, LayerName? norm)
    {
        if (norm is not null)
            x = g.Norm(x, part, norm, Dim);
        return Names.Scale is { } scale ? g.Node("Mul", [x, g.Weight("scale", part.Read(scale, 1, 1, Dim).Reshape(Dim))]) : x;
    }
}
