using Dalle.ML.Onnx;
using Google.Protobuf;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Benchmarks;

/// <summary>What the benchmarks read from ONNX files, and those that they write.</summary>
internal static class OnnxGraphs
{
    /// <summary>
    /// The weights that a run multiplies with, which all must come from memory: those of products, as halves or floats, directly or widened by
    /// a Cast, which happens once. An embedding is not among them, of which a run reads a row.
    /// </summary>
    public static MultipliedWeights MultipliedWeights(string path)
    {
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph;
        var sizes = graph.Initializer.ToDictionary(weight => weight.Name, weight => weight.Dims.Aggregate(1L, (size, axis) => size * axis));
        var halves = graph.Initializer.Where(weight => weight.DataType == (int)DataType.Float16).Select(weight => weight.Name).ToHashSet();
        foreach (var cast in graph.Node.Where(node => node.OpType == "Cast" && sizes.ContainsKey(node.Input[0])))
            sizes.Add(cast.Output[0], sizes[cast.Input[0]]);
        int ElementSize(NodeProto node) => halves.Contains(node.Input[1]) ? sizeof(ushort) : sizeof(float);
        long Size(NodeProto node) => sizes.GetValueOrDefault(node.Input[1]);
        return graph.Node.Aggregate(default(MultipliedWeights), (sum, node) => node.OpType switch
        {
            "MatMul" => new(sum.Count + Size(node), sum.Bytes + Size(node) * ElementSize(node)),
            "DynamicQuantizeMatMul" => new(sum.Count + Size(node), sum.Bytes + Size(node)),
            // Two numbers in a byte, and the scales.
            "MatMulNBits" => new(sum.Count + 2 * Size(node), sum.Bytes + Size(node) + sizes[node.Input[2]] * sizeof(float)),
            _ => sum,
        });
    }

    /// <summary>Writes the graph of x · x for a square matrix.</summary>
    public static void WriteSquare(string path, int side) => Write(path, "MatMul", ["x", "x"], side);

    /// <summary>Writes the graph of −x for a square matrix, which reads and writes memory and does next to nothing else.</summary>
    public static void WriteNegative(string path, int side) => Write(path, "Neg", ["x"], side);

    private static void Write(string path, string operation, string[] inputs, int side)
    {
        const int IrVersion = 10;
        const int Opset = 20;
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = Opset } },
            Graph = new GraphProto
            {
                Name = operation,
                Node = { new NodeProto { OpType = operation, Input = { inputs }, Output = { "y" } } },
                Input = { Matrix("x") },
                Output = { Matrix("y") },
            },
        };
        using var file = File.Create(path);
        model.WriteTo(file);

        ValueInfoProto Matrix(string name)
        {
            var axis = new TensorShapeProto.Types.Dimension { DimValue = side };
            return new ValueInfoProto
            {
                Name = name,
                Type = new TypeProto
                {
                    TensorType = new TypeProto.Types.Tensor
                    {
                        ElemType = (int)TensorProto.Types.DataType.Float,
                        Shape = new TensorShapeProto { Dim = { axis, axis } },
                    },
                },
            };
        }
    }
}

/// <summary>The weights of a graph's products.</summary>
/// <param name="Count">How many there are.</param>
/// <param name="Bytes">How many bytes a run reads for them.</param>
internal readonly record struct MultipliedWeights(long Count, long Bytes);
