using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Microsoft.ML.OnnxRuntime;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Tests.Architectures;

public sealed class GraphBuilderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_graph_runs_and_says_what_it_takes()
    {
        var path = Build();
        using var session = new InferenceSession(path);
        using var input = OrtValue.CreateTensorValueFromMemory(new float[] { 1, 2, 3, 4 }, [2, 2]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["x"], [input], ["y"]);
        Assert.Equal([1 + 10f, 2 + 20f, 3 + 10f, 4 + 20f], outputs[0].GetTensorDataAsSpan<float>().ToArray());

        var file = OnnxFile.Read(path);
        Assert.Equal("'x' [?, 2]", Assert.Single(file.Inputs).ToString());
        Assert.Equal("'y' [?, 2]", Assert.Single(file.Outputs).ToString());
        Assert.Equal(["graph.weights"], file.ExternalFiles);
        Assert.Equal(20, file.Opset);
    }

    [Fact]
    public void Weights_lie_on_page_boundaries_in_the_precision_of_the_checkpoint()
    {
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(Build()));
        var stored = model.Graph.Initializer.Where(tensor => tensor.DataLocation == DataLocation.External).ToArray();
        Assert.Equal([(int)DataType.Float16, (int)DataType.Float], stored.Select(tensor => tensor.DataType));
        Assert.Equal(["4", "8"], stored.Select(tensor => tensor.ExternalData.Single(entry => entry.Key == "length").Value));
        Assert.All(stored, tensor => Assert.Equal(0, long.Parse(tensor.ExternalData.Single(entry => entry.Key == "offset").Value, System.Globalization.CultureInfo.InvariantCulture) % 4096));
    }

    [Fact]
    public void Weights_of_the_same_content_are_stored_once()
    {
        var path = Path.Combine(_folder.Path, "shared.onnx");
        using var g = new GraphBuilder(path);
        string Weight(bool isFloat16, params int[] shape) => g.Weight("weight", new Tensor([1, 2], isFloat16, shape));
        var first = Weight(isFloat16: false, 2);
        Assert.Equal(first, Weight(isFloat16: false, 2));
        Assert.NotEqual(first, Weight(isFloat16: false, 1, 2));
        Assert.NotEqual(first, Weight(isFloat16: true, 2));
        g.Save();
        Assert.Equal(3, ModelProto.Parser.ParseFrom(File.ReadAllBytes(path)).Graph.Initializer.Count);
    }

    [Fact]
    public void Names_tell_where_a_node_is_and_are_unique()
    {
        using var g = new GraphBuilder(Path.Combine(_folder.Path, "names.onnx"));
        using (g.Scope("layer_0"))
        using (g.Scope("mlp"))
        {
            Assert.Equal("layer_0/mlp/weight", g.Unique("weight"));
            Assert.Equal("layer_0/mlp/weight_2", g.Unique("weight"));
        }
        Assert.Equal("weight", g.Unique("weight"));
    }

    private string Build()
    {
        var path = Path.Combine(_folder.Path, "graph.onnx");
        using var g = new GraphBuilder(path);
        var x = g.Input("x", DataType.Float, "batch", 2);
        var sum = g.Node("Add", [x, g.Weight("half", new Tensor([10, 20], isFloat16: true, 2))]);
        g.Node("Mul", [sum, g.Weight("full", new Tensor([1, 1], isFloat16: false, 2))], ["y"]);
        g.Output("y", DataType.Float, "batch", 2);
        g.Save();
        return path;
    }
}
