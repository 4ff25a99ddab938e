using Dalle.ML.Export.Graph;
using Google.Protobuf;

namespace Dalle.ML.Benchmarks;

/// <summary>What the benchmarks read from ONNX files, and the one that they write.</summary>
internal static class OnnxGraphs
{
    /// <summary>
    /// The number of weights that a run multiplies with, which all must come from memory: those of MatMul nodes, directly or widened by
    /// a Cast. An embedding is not among them, of which a run reads a row.
    /// </summary>
    public static long MultipliedWeights(string path)
    {
        var graph = ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph;
        var sizes = graph.Initializer.ToDictionary(weight => weight.Name, weight => weight.Dims.Aggregate(1L, (size, axis) => size * axis));
        foreach (var cast in graph.Node.Where(node => node.OpType == "Cast" && sizes.ContainsKey(node.Input[0])))
            sizes.Add(cast.Output[0], sizes[cast.Input[0]]);
        return graph.Node.Where(node => node.OpType == "MatMul").SelectMany(node => node.Input).Sum(sizes.GetValueOrDefault);
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
