using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Rotary positions (Su et al. 2021), here of queries, keys and values (lucidrains/DALLE-pytorch). A third of the channels encode the position
/// in the text, the others row and column; the checkpoint has the angles of all of them.
/// </summary>
internal sealed class RotaryPositions
{
    private readonly GraphBuilder _g;
    private readonly string _cosines;
    private readonly string _sines;
    private readonly string _first;
    private readonly (string, object)[] _attributes;

    /// <param name="g">The decoder's graph.</param>
    /// <param name="decoder">Its positions.</param>
    /// <param name="angles">The angle of each channel at each position, [positions, channels]; both channels of a pair have the same.</param>
    /// <param name="heads">The heads whose first channels are rotated.</param>
    public RotaryPositions(GraphBuilder g, CachedDecoder decoder, Tensor angles, AttentionHeads heads)
    {
        _g = g;
        using var scope = g.Scope("rotation");
        var (positions, channels) = (angles.Shape[0], angles.Shape[1]);
        string Table(string name, Func<float, float> function) => g.Weight(name,
            new Tensor([.. angles.Values.Where((_, i) => i % 2 == 0).Select(function)], isFloat16: false, positions, channels / 2));
        (_cosines, _sines) = (Table("cosine", MathF.Cos), Table("sine", MathF.Sin));
        _first = g.Node("Slice", [decoder.Positions, g.Constant("start", 0), g.Constant("end", 1)]);
        _attributes = [("interleaved", 1), ("num_heads", 3 * heads.Count), ("rotary_embedding_dim", channels)];
    }

    /// <summary>Rotates queries, keys and values that lie side by side.</summary>
    public string Rotate(string qkv) => _g.Contrib("RotaryEmbedding", [qkv, _first, _cosines, _sines], attributes: _attributes);
}
