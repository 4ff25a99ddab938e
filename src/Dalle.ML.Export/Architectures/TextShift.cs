namespace Dalle.ML.Export.Architectures;

/// <summary>
/// <see cref="TokenShift"/> of text alone: half of the channels of a token come from the token before. The project shifts only where a call has the
/// whole text: when it completes a text, token by token, it shifts nothing (lucidrains/DALLE-pytorch, PreShiftToken).
/// </summary>
internal sealed class TextShift
{
    private readonly GraphBuilder _g;
    private readonly int _dim;
    private readonly string _isWhole;

    /// <param name="g">The graph of the text.</param>
    /// <param name="decoder">Tells the number of ids of a call.</param>
    /// <param name="dim">Number of channels, an even number.</param>
    /// <param name="length">Number of ids of the whole text.</param>
    public TextShift(GraphBuilder g, CachedDecoder decoder, int dim, int length)
    {
        (_g, _dim) = (g, dim);
        using var scope = g.Scope("shift");
        _isWhole = g.Node("Equal", [decoder.Sequence, g.Scalar("whole", (long)length)]);
    }

    /// <summary>Shifts hidden states [batch, sequence, dim].</summary>
    public string Shift(string x)
    {
        using var scope = _g.Scope("shift");
        string[] parts = [_g.Unique("from_before"), _g.Unique("own")];
        _g.Node("Split", [x, _g.Constant("halves", _dim / 2, _dim - _dim / 2)], parts, ("axis", 2));
        // One place later: a zero in front, and the last one gone.
        var before = _g.Node("Pad", [parts[0], _g.Constant("later", 0, 1, 0, 0, -1, 0)]);
        return _g.Node("Where", [_isWhole, _g.Node("Concat", [before, parts[1]], ("axis", 2)), x]);
    }
}
