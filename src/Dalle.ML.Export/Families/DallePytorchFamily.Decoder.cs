using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Graph;

namespace Dalle.ML.Export.Families;

internal static partial class DallePytorchFamily
{
    /// <summary>DALLE: the start of the stream, the text, and the image, whose last token is drawn and not run.</summary>
    private static DecoderGraph Decoder(BundleWriter bundle, Checkpoint weights, Config config, Precision precision)
    {
        var (stack, grid, textPlaces) = (config.Stack, config.Grid, 1 + config.TextLength);
        var (dim, ids) = (stack.Dim, config.TextIds + config.Codes);
        var graph = new DecoderGraph
        {
            File = "decoder.onnx",
            ImageIdOffset = config.TextIds,
            TotalLength = "total_length",
            Cache = stack.Heads.Cache(precision, stack.Layers, config.Capacity),
            State = config.ShiftsTokens ? TokenShift.State(2 * stack.Layers, dim, grid) : null,
        };
        using var g = bundle.Graph(graph.File, precision);
        var decoder = new CachedDecoder(g, graph);

        string x;
        using (g.Scope("embedding"))
        {
            var tokens = config.SharesEmbeddings
                ? weights.Read("to_logits.1.weight", ids, dim)
                : Tensor.Concat(weights.Read("text_emb.weight", config.TextIds, dim), weights.Read("image_emb.weight", config.Codes, dim));
            x = g.Node("Gather", [g.Weight("token", tokens), decoder.Ids]);
            if (config.RotaryWidth == 0)
            {
                // The package axial_positional_embedding named them so by hand, until it took PyTorch's lists of parameters.
                var axes = weights.Contains("image_pos_emb.weights.0") ? "image_pos_emb.weights." : "image_pos_emb.weights_";
                var (row, column) = (weights.Read(axes + 0, 1, grid, 1, dim), weights.Read(axes + 1, 1, 1, grid, dim));
                var image = Layers.GridPositions(row.Reshape(grid, dim), column.Reshape(grid, dim));
                var places = Tensor.Concat(weights.Read("text_pos_emb.weight", textPlaces, dim), image);
                x = g.Node("Add", [x, g.Node("Gather", [g.Weight("position", places), decoder.Positions])]);
            }
        }

        var rotation = config.RotaryWidth == 0 ? null : new Rotation(g, decoder, weights, config);
        string Attend(int layer, string qkv)
        {
            var kind = config.Attention[layer % config.Attention.Count];
            var bias = kind == "full" ? "" : decoder.Mask(kind, (query, key) => Sees(kind, query - textPlaces, key - textPlaces, grid));
            return decoder.Attend(layer, rotation?.Rotate(qkv) ?? qkv, bias: bias, scale: 1 / MathF.Sqrt(stack.Heads.Size));
        }
        var shift = config.ShiftsTokens ? new TokenShift(g, decoder, graph, dim, textPlaces, grid) : null;
        x = decoder.Last(stack.Run(g, x, weights.Subtree("transformer."), Attend, shift is null ? null : shift.Shift));

        using (g.Scope("head"))
        {
            if (config.IsStable)
                x = g.Node("Div", [x, g.Node("ReduceMax", [x, g.Constant("channels", -1)])]);
            x = g.LayerNorm(x, weights.Read("to_logits.0.weight", dim), weights.Read("to_logits.0.bias", dim));
            var (weight, bias) = (weights.Read("to_logits.1.weight", ids, dim), weights.Read("to_logits.1.bias", ids));
            decoder.Finish(g.Linear(x, weight.Rows(config.TextIds..), bias.Rows(config.TextIds..)), config.Codes);
        }
        return graph;
    }

    /// <summary>Whether an image token sees an earlier one; both see all text, where numbers are negative.</summary>
    private static bool Sees(string kind, int query, int key, int grid)
    {
        // Squares of 5 × 5 whose last corner is the token itself.
        const int Reach = 4;
        var (rows, columns) = (query / grid - key / grid, query % grid - key % grid);
        return key < 0 || kind switch
        {
            "axial_row" => rows == 0,
            "axial_col" => columns == 0,
            _ => rows <= Reach && columns is >= 0 and <= Reach,
        };
    }

    /// <summary>
    /// Rotary positions (Su et al. 2021), here of queries, keys and values. A third of the channels tell the place in the text, the others row
    /// and column; the checkpoint has the angles of all of them.
    /// </summary>
    private sealed class Rotation
    {
        private readonly GraphBuilder _g;
        private readonly string _cosines;
        private readonly string _sines;
        private readonly string _first;
        private readonly (string, object)[] _attributes;

        public Rotation(GraphBuilder g, CachedDecoder decoder, Checkpoint weights, Config config)
        {
            _g = g;
            using var scope = g.Scope("rotation");
            var places = config.Capacity + 1;
            var angles = weights.Read("transformer.pos_emb", 1, places, config.RotaryWidth).Values;
            // Channels rotate in pairs, and both have the angle.
            string Table(string name, Func<float, float> function) => g.Weight(name,
                new Tensor([.. angles.Where((_, i) => i % 2 == 0).Select(function)], isHalf: false, places, config.RotaryWidth / 2));
            (_cosines, _sines) = (Table("cosine", MathF.Cos), Table("sine", MathF.Sin));
            _first = g.Node("Slice", [decoder.Positions, g.Constant("start", 0), g.Constant("end", 1)]);
            _attributes = [("interleaved", 1), ("num_heads", 3 * config.Stack.Heads.Count), ("rotary_embedding_dim", config.RotaryWidth)];
        }

        public string Rotate(string qkv) => _g.Contrib("RotaryEmbedding", [qkv, _first, _cosines, _sines], attributes: _attributes);
    }
}
