using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;

namespace Dalle.ML.Export.Architectures;

/// <summary>
/// Half of the channels of a token come from its neighbours: of text from the token before, of an image the first quarter from the token
/// above and the second from that on the left, and nothing from beyond an edge (lucidrains/DALLE-pytorch, PreShiftToken).
/// </summary>
/// <remarks>The next call needs the tokens of the last row of this one: they are the decoder's <see cref="DecoderGraph.State"/>.</remarks>
internal sealed class TokenShift
{
    private readonly GraphBuilder _g;
    private readonly int _dim;
    private readonly int _columns;
    private readonly (string Past, string Present)[] _states;
    private readonly string _before;
    private readonly string _above;
    private int _shifts;

    /// <param name="g">The decoder's graph.</param>
    /// <param name="decoder">Tells the positions.</param>
    /// <param name="graph">Has a state for each shift; see <see cref="State"/>.</param>
    /// <param name="dim">Number of channels, a multiple of four.</param>
    /// <param name="textLength">Positions before those of the image.</param>
    /// <param name="columns">Tokens in a row of the image.</param>
    public TokenShift(GraphBuilder g, CachedDecoder decoder, DecoderGraph graph, int dim, int textLength, int columns)
    {
        (_g, _dim, _columns, _states) = (g, dim, columns, [.. graph.State!.Names]);
        using var scope = g.Scope("shift");
        _before = Table("before", (image, channel) => image < 0 || (channel >= dim / 4 && image % columns > 0));
        _above = Table("above", (image, channel) => image >= columns && channel < dim / 4);

        // Ones where a channel of a position comes from that neighbour.
        string Table(string name, Func<int, int, bool> comes)
        {
            var half = dim / 2;
            var table = new float[graph.Cache.Capacity * half];
            for (var i = 0; i < table.Length; i++)
                table[i] = comes(i / half - textLength, i % half) ? 1 : 0;
            return g.Node("Gather", [g.Weight(name, new Tensor(table, isFloat16: true, graph.Cache.Capacity, half)), decoder.Positions]);
        }
    }

    /// <summary>The state of a decoder with that many shifts.</summary>
    public static RecurrentState State(int shifts, int dim, int columns) => new() { Count = shifts, Shape = [columns, dim / 2] };

    /// <summary>Shifts hidden states [batch, sequence, dim]; to be called once for each state.</summary>
    public string Shift(string x)
    {
        using var scope = _g.Scope("shift");
        var (past, present) = _states[_shifts++];
        Dimension[] shape = ["batch", _columns, _dim / 2];
        var series = _g.Node("Concat", [_g.Input(past, _g.Type, shape), Part(x, axis: 2, 0, _dim / 2)], ("axis", 1));
        _g.Node("Slice", [series, .. Bounds(axis: 1, -_columns, long.MaxValue)], [present]);
        _g.Output(present, _g.Type, shape);

        var before = _g.Node("Mul", [Part(series, axis: 1, _columns - 1, -1), _before]);
        var above = _g.Node("Mul", [Part(series, axis: 1, 0, -_columns), _above]);
        return _g.Node("Concat", [_g.Node("Add", [before, above]), Part(x, axis: 2, _dim / 2, _dim)], ("axis", 2));
    }

    private string Part(string x, int axis, long start, long end) => _g.Node("Slice", [x, .. Bounds(axis, start, end)]);

    private string[] Bounds(int axis, long start, long end) => [_g.Constant("start", start), _g.Constant("end", end), _g.Constant("axis", axis)];
}
