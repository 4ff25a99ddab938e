using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Benchmarks;

/// <summary>What a run of a graph multiplies, and where its time goes, as ONNX Runtime's profiler tells shapes and times of its nodes.</summary>
/// <param name="Operations">Multiplications and additions of convolutions, products and attention.</param>
/// <param name="Shares">Part of the time by kind of node, the largest first.</param>
internal sealed record GraphCost(double Operations, IReadOnlyList<(string Kind, double Share)> Shares)
{
    private static readonly string[] Products = ["MatMul", "FusedMatMul", "Gemm"];

    /// <summary>Profiles a run.</summary>
    public static GraphCost Of(string path, IReadOnlyDictionary<string, OrtValue> inputs)
    {
        using var options = new SessionOptions { EnableProfiling = true, ProfileOutputPathPrefix = Path.Combine(Path.GetTempPath(), $"dalle-bench-{Environment.ProcessId}") };
        using var session = new InferenceSession(path, options);
        using var run = new RunOptions();
        session.Run(run, inputs, session.OutputNames).Dispose();
        var profile = session.EndProfiling();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(profile));
            var nodes = document.RootElement.EnumerateArray()
                .Where(entry => entry.GetProperty("cat").GetString() == "Node" && entry.GetProperty("name").GetString()!.EndsWith("_kernel_time", StringComparison.Ordinal))
                .ToArray();
            var total = nodes.Sum(Duration);
            return new GraphCost(
                nodes.Sum(OperationsOf),
                [.. nodes.GroupBy(KindOf).Select(group => (group.Key, group.Sum(Duration) / total)).OrderByDescending(part => part.Item2)]);
        }
        finally
        {
            File.Delete(profile);
        }
    }

    private static double Duration(JsonElement node) => node.GetProperty("dur").GetDouble();

    private static string KindOf(JsonElement node) => node.GetProperty("args").GetProperty("op_name").GetString()!;

    private static double OperationsOf(JsonElement node)
    {
        var (kind, inputs) = (KindOf(node), Shapes(node, "input_type_shape"));
        if (kind != "Conv" && kind != "MultiHeadAttention" && !Products.Contains(kind))
            return 0;
        var outputs = Shapes(node, "output_type_shape")[0];
        return 2 * Count(outputs) * kind switch
        {
            // Values that a value of the output is made from.
            "Conv" => Count(inputs[1]) / inputs[1][0],
            // Scores and what they weigh, each of the size of the heads.
            "MultiHeadAttention" => 2.0 * inputs[1][1],
            _ => inputs[0][^1],
        };
    }

    private static double Count(long[] shape) => shape.Aggregate(1.0, (product, size) => product * size);

    private static long[][] Shapes(JsonElement node, string key) =>
        [.. node.GetProperty("args").GetProperty(key).EnumerateArray().Select(value => value.EnumerateObject().First().Value.EnumerateArray().Select(size => size.GetInt64()).ToArray())];
}
