using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Microsoft.ML.OnnxRuntime;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Tests.Architectures;

/// <summary>
/// A decoder as the papers write it: its graph with attention in standard operators, over all positions at once, without a cache, and with
/// heads of any size. It is made from an export whose heads need no padding, as their number changes no weights.
/// </summary>
internal sealed class PlainDecoder : IDisposable
{
    private readonly InferenceSession _session;
    private readonly DecoderGraph _decoder;

    /// <param name="bundle">The export.</param>
    /// <param name="heads">The number of heads to compute with.</param>
    public PlainDecoder(Bundle bundle, int heads)
    {
        _decoder = bundle.Manifest.Decoder!;
        var path = bundle.PathOf(_decoder.File);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path));
        Rewrite(model.Graph, _decoder, heads);
        // Beside the graph, where its weights are.
        var plain = Path.ChangeExtension(path, ".plain.onnx");
        File.WriteAllBytes(plain, model.ToByteArray());
        _session = new InferenceSession(plain);
    }

    /// <summary>The logits after the last of some positions, row by row.</summary>
    /// <param name="rows">The ids of each row, of one length.</param>
    /// <param name="context">What a text encoder gave for the rows.</param>
    public float[][] Logits(long[][] rows, IReadOnlyDictionary<string, OrtValue> context)
    {
        var (count, length) = (rows.Length, rows[0].Length);
        using var ids = OrtValue.CreateTensorValueFromMemory(rows.SelectMany(row => row).ToArray(), [count, length]);
        using var total = OrtValue.CreateTensorValueFromMemory(new[] { length }, [1]);
        var inputs = new Dictionary<string, OrtValue>(context) { [_decoder.Ids] = ids, [_decoder.TotalLength!] = total };
        var states = new List<OrtValue>();
        foreach (var (name, input) in _session.InputMetadata.Where(input => !inputs.ContainsKey(input.Key)))
        {
            long[] shape = [.. input.Dimensions.Select(size => size < 0 ? count : (long)size)];
            states.Add(inputs[name] = OrtValue.CreateTensorValueFromMemory(new float[shape.Aggregate((product, size) => product * size)], shape));
        }
        using var options = new RunOptions();
        using var outputs = _session.Run(options, [.. inputs.Keys], [.. inputs.Values], [_decoder.Logits]);
        var logits = outputs[0].GetTensorDataAsSpan<float>().ToArray();
        states.ForEach(state => state.Dispose());
        return [.. logits.Chunk(logits.Length / count)];
    }

    public void Dispose() => _session.Dispose();

    private static void Rewrite(GraphProto graph, DecoderGraph decoder, int heads)
    {
        var (old, width) = (decoder.Cache.Heads, decoder.Cache.Heads * decoder.Cache.HeadSize);
        var plain = new OnnxGraphBuilder(DataType.Float);
        using var scope = plain.Scope("plain");
        foreach (var node in graph.Node)
        {
            if (node.OpType == "GroupQueryAttention")
            {
                var bias = node.Input.Count > 10 ? node.Input[10] : "";
                Attend(plain, decoder.Ids, node.Input[0], bias, heads, width, node.Output[0]);
                continue;
            }
            if (node.OpType == "RotaryEmbedding")
                node.Attribute.Single(attribute => attribute.Name == "num_heads").I = 3 * heads;
            plain.Graph.Node.Add(node);
        }
        graph.Node.Clear();
        graph.Node.AddRange(plain.Graph.Node);

        // What a text encoder gives has as many heads.
        foreach (var shape in graph.Initializer.Where(tensor => Numbers(tensor) is [0, 0, var count, var size] && count == old && size == width / old))
            shape.RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes<long>([0, 0, heads, width / heads]));
        foreach (var input in graph.Input.Where(input => input.Name.StartsWith("cross_", StringComparison.Ordinal)))
            input.Type.TensorType.Shape = null;
        graph.Initializer.AddRange(plain.Graph.Initializer);

        var caches = Enumerable.Range(0, decoder.Cache.Layers).SelectMany(decoder.Cache.Names).Select(name => name.Past).ToHashSet();
        Keep(graph.Input, input => !caches.Contains(input.Name));
        Keep(graph.Output, output => output.Name == decoder.Logits);
    }

    private static void Attend(OnnxGraphBuilder g, string ids, string qkv, string bias, int heads, int width, string output)
    {
        string[] parts = [g.Unique("query"), g.Unique("key"), g.Unique("value")];
        g.Node("Split", [qkv], parts, ("axis", -1), ("num_outputs", 3));
        string Heads(string x, params long[] axes) =>
            g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("heads", 0, 0, heads, width / heads)])], ("perm", axes));
        var scores = g.Node("MatMul", [Heads(parts[0], 0, 2, 1, 3), Heads(parts[1], 0, 2, 3, 1)]);
        scores = g.Node("Div", [scores, g.Scalar("root", MathF.Sqrt(width / heads))]);
        if (bias.Length > 0)
            scores = g.Node("Add", [scores, bias]);
        var length = g.Node("Slice", [g.Node("Shape", [ids]), g.Constant("one", 1), g.Constant("two", 2)]);
        var square = g.Node("Concat", [length, length], ("axis", 0));
        var later = g.Node("Trilu", [g.Node("Expand", [g.Scalar("lowest", -1e9f), square]), g.Scalar("above", 1L)], ("upper", 1));
        var weights = g.Node("Softmax", [g.Node("Add", [scores, later])], ("axis", -1));
        var attended = g.Node("Transpose", [g.Node("MatMul", [weights, Heads(parts[2], 0, 2, 1, 3)])], ("perm", new long[] { 0, 2, 1, 3 }));
        g.Node("Reshape", [attended, g.Constant("joined", 0, 0, width)], [output]);
    }

    private static long[] Numbers(TensorProto tensor) =>
        tensor.DataType == (int)DataType.Int64 ? MemoryMarshal.Cast<byte, long>(tensor.RawData.Span).ToArray() : [];

    private static void Keep(RepeatedField<ValueInfoProto> values, Func<ValueInfoProto, bool> keep)
    {
        for (var i = values.Count - 1; i >= 0; i--)
        {
            if (!keep(values[i]))
                values.RemoveAt(i);
        }
    }
}
