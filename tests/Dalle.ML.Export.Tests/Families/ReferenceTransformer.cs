namespace Dalle.ML.Export.Tests.Families;

/// <summary>The transformer of <see cref="TinyDalle"/> as the paper has it, in doubles, position by position, without a cache.</summary>
internal static class ReferenceTransformer
{
    private const int Dim = TinyDalle.Dim;

    /// <summary>The image logits after every position of a stream of text ids and image tokens.</summary>
    /// <param name="model">The weights.</param>
    /// <param name="ids">Text ids, then image tokens counted from the last text id on.</param>
    /// <param name="sees">Whether a query sees an earlier key: layer, query, key.</param>
    /// <param name="heads">Number of attention heads.</param>
    public static double[][] Logits(TinyDalle model, long[] ids, Func<int, int, int, bool> sees, int heads = TinyDalle.Heads)
    {
        var x = ids.Select((id, position) => Embed(model, (int)id, position)).ToArray();
        for (var layer = 0; layer < TinyDalle.Layers; layer++)
        {
            var block = $"blocks.{layer}.";
            var qkv = x.Select(row => Linear(model, block + "qkv", Norm(model, block + "ln1", row))).ToArray();
            for (var query = 0; query < x.Length; query++)
            {
                var seen = Enumerable.Range(0, query + 1).Where(key => key == query || sees(layer, query, key)).ToArray();
                x[query] = Add(x[query], Linear(model, block + "proj", Attend(qkv, query, seen, Dim / heads)));
            }
            x = [.. x.Select(row =>
            {
                var hidden = Linear(model, block + "fc1", Norm(model, block + "ln2", row)).Select(Gelu);
                return Add(row, Linear(model, block + "fc2", [.. hidden]));
            })];
        }
        return [.. x.Select(row => Linear(model, "image_head", Norm(model, "ln", row)))];
    }

    private static double[] Embed(TinyDalle model, int id, int position)
    {
        var image = position - TinyDalle.TextLength;
        return image < 0
            ? Add(Row(model, "text_emb.weight", id), Row(model, "text_pos.weight", position))
            : Add(
                Row(model, "image_emb.weight", id - TinyDalle.TextIds),
                Add(Row(model, "row_emb.weight", image / TinyDalle.Grid), Row(model, "col_emb.weight", image % TinyDalle.Grid)));
    }

    private static double[] Attend(double[][] qkv, int query, int[] seen, int size)
    {
        var result = new double[Dim];
        for (var head = 0; head < Dim; head += size)
        {
            var weights = seen.Select(key => Math.Exp(
                Enumerable.Range(head, size).Sum(i => qkv[query][i] * qkv[key][Dim + i]) / Math.Sqrt(size))).ToArray();
            for (var i = head; i < head + size; i++)
                result[i] = seen.Zip(weights).Sum(pair => pair.Second * qkv[pair.First][2 * Dim + i]) / weights.Sum();
        }
        return result;
    }

    private static double[] Linear(TinyDalle model, string name, double[] x)
    {
        var (weight, bias) = (model[name + ".weight"], model[name + ".bias"]);
        return [.. bias.Values.Select((b, row) => b + x.Select((value, i) => value * weight.Values[row * x.Length + i]).Sum())];
    }

    private static double[] Norm(TinyDalle model, string name, double[] x)
    {
        var (weight, bias, mean) = (model[name + ".weight"].Values, model[name + ".bias"].Values, x.Average());
        var deviation = Math.Sqrt(x.Average(value => (value - mean) * (value - mean)) + 1e-5);
        return [.. x.Select((value, i) => (value - mean) / deviation * weight[i] + bias[i])];
    }

    /// <summary>x Φ(x), with the error function by its series; beyond 4 it is 1.</summary>
    private static double Gelu(double x)
    {
        var z = Math.Min(Math.Abs(x) / Math.Sqrt(2), 4);
        var (term, sum) = (z, z);
        for (var n = 1; n < 200; n++)
        {
            term *= -z * z / n;
            sum += term / (2 * n + 1);
        }
        return x * (1 + Math.Sign(x) * 2 / Math.Sqrt(Math.PI) * sum) / 2;
    }

    private static double[] Row(TinyDalle model, string name, int row) =>
        [.. model[name].Values.AsSpan(row * Dim, Dim).ToArray().Select(value => (double)value)];

    private static double[] Add(double[] a, double[] b) => [.. a.Zip(b, (left, right) => left + right)];
}
