using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>A checkpoint's names of the parts of <see cref="TransformerLayers"/>.</summary>
internal sealed record LayerNames
{
    /// <summary>Prefix of the attention of a layer, by its number.</summary>
    public required Func<int, string> Attention { get; init; }

    /// <summary>Prefix of the MLP of a layer, by its number.</summary>
    public required Func<int, string> Mlp { get; init; }

    public required LayerName AttentionNorm { get; init; }

    /// <summary>The linear layer of queries, keys and values, or the three of them.</summary>
    public required LayerName Qkv { get; init; }

    public required LayerName Output { get; init; }

    /// <summary>Normalizes the output of attention, in models that do so.</summary>
    public LayerName? AttentionNormOut { get; init; }

    public required LayerName MlpNorm { get; init; }

    public required LayerName Up { get; init; }

    public required LayerName Down { get; init; }

    /// <summary>Normalizes the output of the MLP, in models that do so.</summary>
    public LayerName? MlpNormOut { get; init; }

    /// <summary>The tensor [1, 1, dim] by which both outputs are multiplied, in models that do so.</summary>
    public string? Scale { get; init; }

    /// <summary>From the weights of attention or MLP to those of their linear layers, where wrappers lie in between.</summary>
    public Func<Checkpoint, Checkpoint> Inner { get; init; } = part => part;

    /// <summary>The name of an MLP in the graph.</summary>
    public string MlpScope { get; init; } = "mlp";
}

/// <summary>A linear layer or a norm of a checkpoint.</summary>
/// <param name="Tensors">The names of its tensors without <c>.weight</c> and <c>.bias</c>; several are stacked in this order.</param>
internal sealed record LayerName(params string[] Tensors)
{
    /// <summary>Whether it has a bias; null if that depends on the checkpoint.</summary>
    public bool? HasBias { get; init; } = true;

    /// <summary>Whether its weights have this name in the graph as well.</summary>
    public bool IsScope { get; init; }

    public static implicit operator LayerName(string tensor) => new(tensor);
}

internal static class NamedLayers
{
    /// <summary>A layer norm of a checkpoint.</summary>
    public static string Norm(this GraphBuilder g, string x, Checkpoint weights, LayerName name, int dim)
    {
        using var scope = Scope(g, name);
        return g.LayerNorm(x, weights.Read(name.Tensors[0] + ".weight", dim), weights.Read(name.Tensors[0] + ".bias", dim));
    }

    /// <summary>A linear layer of a checkpoint, whose weight and bias may be padded.</summary>
    public static string Linear(
        this GraphBuilder g, string x, Checkpoint weights, LayerName name, int from, int to,
        Func<Tensor, Tensor>? padWeight = null, Func<Tensor, Tensor>? padBias = null)
    {
        using var scope = Scope(g, name);
        var rows = to / name.Tensors.Length;
        var weight = Stack([.. name.Tensors.Select(tensor => weights.Read(tensor + ".weight", rows, from))]);
        var bias = name.HasBias ?? weights.Contains(name.Tensors[0] + ".bias")
            ? Stack([.. name.Tensors.Select(tensor => weights.Read(tensor + ".bias", rows))])
            : null;
        return g.Linear(x, padWeight?.Invoke(weight) ?? weight, bias is null ? null : padBias?.Invoke(bias) ?? bias);
    }

    private static IDisposable? Scope(GraphBuilder g, LayerName name) => name.IsScope ? g.Scope(name.Tensors[0]) : null;

    private static Tensor Stack(Tensor[] parts) => parts is [var whole] ? whole : Tensor.Concat(parts);
}
