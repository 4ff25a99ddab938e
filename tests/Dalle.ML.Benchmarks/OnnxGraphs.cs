using Dalle.ML.Models.Onnx;
using Google.Protobuf;

namespace Dalle.ML.Benchmarks;

/// <summary>What the benchmarks read from ONNX files, and the one that they write.</summary>
internal static class OnnxGraphs
{
    /// <summary>
    /// The weights that a run multiplies with, which all must come from memory: those of products, directly or widened by a Cast, which
    /// happens once. An embedding is not among them, of which a run reads a row.
    /// </summary>
    public static MultipliedWeights MultipliedWeights(string path)
    {
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph;
        var sizes = graph.Initializer.ToDictionary(weight => weight.Name, weight => weight.Dims.Aggregate(1L, (size, axis) => size * axis));
        foreach (var cast in graph.Node.Where(node => node.OpType == "Cast" && sizes.ContainsKey(node.Input[0])))
            sizes.Add(cast.Output[0], sizes[cast.Input[0]]);
        long Size(NodeProto node) => sizes.GetValueOrDefault(node.Input[1]);
        return graph.Node.Aggregate(default(MultipliedWeights), (sum, node) => node.OpType switch
        {
            "MatMul" => new(sum.Count + Size(node), sum.Bytes + Size(node) * sizeof(float)),
            "DynamicQuantizeMatMul" => new(sum.Count + Size(node), sum.Bytes + Size(node)),
            // Two numbers in a byte, and the scales.
            "MatMulNBits" => new(sum.Count + 2 * Size(node), sum.Bytes + Size(node) + sizes[node.Input[2]] * sizeof(float)),
            _ => sum,
        });
    }

    /// <summary>Writes the graph of x · x for a square matrix.</summary>
    public static void WriteSquare(string path, int side)
    {
        const int IrVersion = 10;
        const int Opset = 20;
        var model = new ModelProto
        {
            IrVersion = IrVersion,
            OpsetImport = { new OperatorSetIdProto { Version = Opset } },
            Graph = new GraphProto
            {
                Name = "square",
                Node = { new NodeProto { OpType = "MatMul", Input = { "x", "x" }, Output = { "y" } } },
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
