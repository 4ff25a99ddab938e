using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Families;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Tests.ThirdParty;

/// <summary>
/// The transformer of <see cref="TinyDalle"/> as Hugging Face's Optimum would export it: standard operators only, keys and values that grow,
/// places and mask as inputs, and the logits of all positions over text and image.
/// </summary>
internal static class ThirdPartyDecoder
{
    private const int HeadSize = TinyDalle.Dim / TinyDalle.Heads;

    public static void Write(TinyDalle model, string path)
    {
        using var g = new GraphBuilder(path);
        var ids = g.Input("input_ids", DataType.Int64, "batch", "sequence");
        var mask = g.Input("attention_mask", DataType.Int64, "batch", "total");
        var places = g.Input("position_ids", DataType.Int64, "batch", "sequence");

        var tokens = g.Weight("token", Tensor.Concat(model["text_emb.weight"], model["image_emb.weight"]));
        var x = g.Node("Add", [g.Node("Gather", [tokens, ids]), g.Node("Gather", [g.Weight("position", Positions(model)), places])]);
        var hidden = Hidden(g, mask, places);
        for (var layer = 0; layer < TinyDalle.Layers; layer++)
        {
            var block = $"blocks.{layer}.";
            var attended = Attend(g, layer, Linear(g, model, block + "qkv", Norm(g, model, block + "ln1", x)), hidden);
            x = g.Node("Add", [x, Linear(g, model, block + "proj", attended)]);
            var inner = g.Node("Gelu", [Linear(g, model, block + "fc1", Norm(g, model, block + "ln2", x))]);
            x = g.Node("Add", [x, Linear(g, model, block + "fc2", inner)]);
        }
        var normed = Norm(g, model, "ln", x);
        g.Node("Concat", [Linear(g, model, "text_head", normed), Linear(g, model, "image_head", normed)], ["logits"], ("axis", -1));
        g.Output("logits", DataType.Float, "batch", "sequence", TinyDalle.TextIds + TinyDalle.CodebookSize);
        g.Save();
    }

    private static Tensor Positions(TinyDalle model)
    {
        var (rows, columns) = (model["row_emb.weight"], model["col_emb.weight"]);
        var image = Enumerable.Range(0, TinyDalle.Grid * TinyDalle.Grid * TinyDalle.Dim).Select(i =>
        {
            var (place, channel) = (i / TinyDalle.Dim, i % TinyDalle.Dim);
            return rows.Values[place / TinyDalle.Grid * TinyDalle.Dim + channel] + columns.Values[place % TinyDalle.Grid * TinyDalle.Dim + channel];
        });
        return Tensor.Concat(model["text_pos.weight"], new Tensor([.. image], isFloat16: false, TinyDalle.Grid * TinyDalle.Grid, TinyDalle.Dim));
    }

    /// <summary>Which keys a query does not see, [batch, 1, sequence, total]: later ones, and those that the mask leaves out.</summary>
    private static string Hidden(GraphBuilder g, string mask, string places)
    {
        var total = g.Node("Gather", [g.Node("Shape", [mask]), g.Scalar("axis", 1L)]);
        var keys = g.Node("Range", [g.Scalar("first", 0L), total, g.Scalar("step", 1L)]);
        var later = g.Node("Greater", [keys, g.Node("Unsqueeze", [places, g.Constant("axes", 1, 3)])]);
        var masked = g.Node("Equal", [g.Node("Unsqueeze", [mask, g.Constant("axes", 1, 2)]), g.Scalar("none", 0L)]);
        return g.Node("Or", [later, masked]);
    }

    private static string Attend(GraphBuilder g, int layer, string qkv, string hidden)
    {
        string[] parts = [g.Unique("query"), g.Unique("key"), g.Unique("value")];
        g.Node("Split", [qkv], parts, ("axis", -1), ("num_outputs", 3));
        var (query, key, value) = (Heads(g, parts[0]), Grow(g, layer, "key", Heads(g, parts[1])), Grow(g, layer, "value", Heads(g, parts[2])));
        var scores = g.Node("MatMul", [query, g.Node("Transpose", [key], ("perm", new long[] { 0, 1, 3, 2 }))]);
        scores = g.Node("Mul", [scores, g.Scalar("scale", 1 / MathF.Sqrt(HeadSize))]);
        scores = g.Node("Where", [hidden, g.Scalar("lowest", float.MinValue), scores]);
        var attended = g.Node("MatMul", [g.Node("Softmax", [scores], ("axis", -1)), value]);
        return g.Node("Reshape", [g.Node("Transpose", [attended], ("perm", new long[] { 0, 2, 1, 3 })), g.Constant("joined", 0, 0, TinyDalle.Dim)]);
    }

    private static string Heads(GraphBuilder g, string x) =>
        g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("heads", 0, 0, TinyDalle.Heads, HeadSize)])], ("perm", new long[] { 0, 2, 1, 3 }));

    private static string Grow(GraphBuilder g, int layer, string kind, string x)
    {
        var past = g.Input($"past_key_values.{layer}.{kind}", DataType.Float, "batch", TinyDalle.Heads, "past", HeadSize);
        var present = g.Node("Concat", [past, x], [$"present.{layer}.{kind}"], ("axis", 2));
        g.Output(present, DataType.Float, "batch", TinyDalle.Heads, "total", HeadSize);
        return present;
    }

    private static string Linear(GraphBuilder g, TinyDalle model, string name, string x) =>
        g.Linear(x, model[name + ".weight"], model[name + ".bias"]);

    private static string Norm(GraphBuilder g, TinyDalle model, string name, string x) =>
        g.LayerNorm(x, model[name + ".weight"], model[name + ".bias"]);
}
