using Dalle.ML.Bundles;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime.Operators;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Tests.Runtime;

public sealed class WeightPanelsTests
{
    [Theory]
    [InlineData(1, 1, 32)]
    [InlineData(1, 65, 480)]
    [InlineData(2, 7, 64)]
    [InlineData(3, 129, 96)]
    [InlineData(7, 64, 32)]
    [InlineData(8, 300, 32)]
    [InlineData(13, 300, 64)]
    [InlineData(65, 257, 32)]
    public void A_product_is_what_its_definition_gives(int rows, int depth, int width)
    {
        var (matrix, input) = (Matrix(depth, width, 0.1f), Input(rows, depth));
        var result = Multiply(input, matrix, rows, depth, width);
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < width; column++)
            {
                var (sum, size) = (0.0, 0.0);
                for (var k = 0; k < depth; k++)
                {
                    var term = (double)input[row * depth + k] * (double)matrix[k * width + column];
                    (sum, size) = (sum + term, size + Math.Abs(term));
                }
                Assert.Equal(sum, result[row * width + column], 1e-6 * size + 1e-30);
            }
        }
    }

    /// <summary>With one line of depth 1 and the input 1 the result is the weights themselves.</summary>
    [Fact]
    public void Every_finite_16_bit_float_is_widened_to_itself()
    {
        Half[] all = [.. Enumerable.Range(0, 1 << 16).Select(bits => BitConverter.UInt16BitsToHalf((ushort)bits)).Select(value => Half.IsFinite(value) ? value : Half.Zero)];
        Assert.Equal(Array.ConvertAll(all, value => (float)value), Multiply([1], all, rows: 1, depth: 1, width: all.Length));
        Half[] small = [.. all.Select(value => Half.Abs(value) < (Half)1e-4 ? value : Half.Zero)];
        Assert.Equal(Array.ConvertAll(small, value => (float)value), Multiply([1], small, rows: 1, depth: 1, width: small.Length));
    }

    [Fact]
    public void A_row_gives_the_same_bits_alone_and_in_any_batch()
    {
        const int Depth = 301;
        const int Width = 480;
        const int Rows = 37;
        var (matrix, input) = (Matrix(Depth, Width, 0.02f), Input(Rows, Depth));
        var alone = Multiply(input, matrix, Rows, Depth, Width);
        foreach (var rows in new[] { 1, 2, 3, 4, 5, 8, 9, 16, 36 })
            Assert.Equal(alone[..(rows * Width)], Multiply(input[..(rows * Depth)], matrix, rows, Depth, Width));
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public unsafe void What_is_not_finite_is_left_to_ONNX_Runtime(float value)
    {
        var matrix = Matrix(3, 32, 1);
        matrix[70] = (Half)value;
        var panels = new ushort[matrix.Length];
        fixed (void* from = matrix, to = panels)
            Assert.Null(WeightPanels.Pack((ushort*)from, 3, 32, (ushort*)to));
    }

    [Fact]
    public void Weights_that_are_stored_in_16_bits_are_multiplied_as_such()
    {
        var bundle = Bundle.Open(DalleModel.DefaultPath);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.PathOf(bundle.Manifest.Decoder!.File)));
        var products = model.Graph.Node.Count(node => node.OpType == "MatMul");
        var weights = PanelRewrite.Apply(model, bundle);
        Assert.Equal(products, model.Graph.Node.Count(node => node.OpType == PanelMatMulOperator.Name));
        Assert.Equal(weights.Keys.Order(), model.Graph.Node.Where(node => node.OpType == PanelMatMulOperator.Name).Select(node => node.Input[1]).Distinct().Order());
    }

    [Theory]
    [InlineData("offset", "99999999999")]
    [InlineData("offset", "-8")]
    [InlineData("offset", "x")]
    [InlineData("location", "../elsewhere")]
    [InlineData("location", "")]
    public void A_matrix_that_the_bundle_does_not_hold_is_not_read(string key, string value)
    {
        var bundle = Bundle.Open(DalleModel.DefaultPath);
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.PathOf(bundle.Manifest.Decoder!.File)));
        foreach (var entry in model.Graph.Initializer.SelectMany(tensor => tensor.ExternalData).Where(entry => entry.Key == key))
            entry.Value = value;
        Assert.Empty(PanelRewrite.Apply(model, bundle));
    }

    [Fact]
    public void Weights_that_are_not_verified_yet_may_be_missing_or_cut()
    {
        using var folder = new TemporaryFolder();
        foreach (var file in Directory.GetFiles(DalleModel.DefaultPath))
            File.Copy(file, Path.Combine(folder.Path, Path.GetFileName(file)));
        var bundle = Bundle.Open(folder.Path);
        var decoder = bundle.PathOf(bundle.Manifest.Decoder!.File);
        var weights = Path.ChangeExtension(decoder, ".weights");
        using (var file = File.OpenWrite(weights))
            file.SetLength(1000);
        Assert.Empty(PanelRewrite.Apply(ModelProto.Parser.ParseFrom(File.ReadAllBytes(decoder)), bundle));
        File.Delete(weights);
        Assert.Throws<FileNotFoundException>(() => PanelRewrite.Apply(ModelProto.Parser.ParseFrom(File.ReadAllBytes(decoder)), bundle));
    }

    [Theory]
    [InlineData(1, 5, 32)]
    [InlineData(1, 4, 16)]
    public void A_graph_whose_weights_do_not_fit_is_refused(int panels, int depth, int width)
    {
        var model = new ModelProto
        {
            IrVersion = 10,
            OpsetImport = { new OperatorSetIdProto { Version = 21 }, new OperatorSetIdProto { Domain = OwnOperators.Domain, Version = 1 } },
            Graph = new GraphProto
            {
                Name = "graph",
                Input = { Value("x", 1, 4) },
                Output = { Value("y", 1, 32) },
                Node =
                {
                    new NodeProto
                    {
                        OpType = PanelMatMulOperator.Name,
                        Domain = OwnOperators.Domain,
                        Input = { "x", "w" },
                        Output = { "y" },
                        Attribute = { new AttributeProto { Name = PanelMatMulOperator.FactorAttribute, Type = AttributeProto.Types.AttributeType.Float, F = 1 } },
                    },
                },
                Initializer =
                {
                    new TensorProto { Name = "w", DataType = (int)DataType.Uint16, Dims = { panels, depth, width }, RawData = ByteString.CopyFrom(new byte[2 * panels * depth * width]) },
                },
            },
        };
        using var options = new SessionOptions();
        OwnOperators.Register(options);
        using var session = new InferenceSession(model.ToByteArray(), options);
        using var run = new RunOptions();
        using var x = OrtValue.CreateTensorValueFromMemory(new float[4], [1, 4]);
        var failure = Assert.Throws<OnnxRuntimeException>(() => session.Run(run, ["x"], [x], ["y"]));
        Assert.Contains("the weights are [panels, depth, 32]", failure.Message, StringComparison.Ordinal);

        static ValueInfoProto Value(string name, params long[] shape)
        {
            var dimensions = new TensorShapeProto { Dim = { shape.Select(size => new TensorShapeProto.Types.Dimension { DimValue = size }) } };
            return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.Tensor { ElemType = (int)DataType.Float, Shape = dimensions } } };
        }
    }

    private static Half[] Matrix(int depth, int width, float size)
    {
        var random = new Random(depth * width);
        return [.. Enumerable.Range(0, depth * width).Select(_ => (Half)(size * (random.NextSingle() * 2 - 1)))];
    }

    private static float[] Input(int rows, int depth)
    {
        var random = new Random(7);
        return [.. Enumerable.Range(0, rows * depth).Select(_ => random.NextSingle() * 2 - 1)];
    }

    private static unsafe float[] Multiply(float[] input, Half[] matrix, int rows, int depth, int width)
    {
        var panels = new ushort[matrix.Length];
        var result = new float[rows * width];
        fixed (float* x = input, y = result)
        fixed (void* from = matrix)
        fixed (ushort* weights = panels)
        {
            var call = new PanelProduct { Rows = rows, Depth = depth, Width = width, Tasks = 3, Input = x, Weights = weights, Result = y };
            call.Factor = WeightPanels.Pack((ushort*)from, depth, width, weights)!.Value;
            for (var task = 0; task < call.Tasks; task++)
                call.Run(task);
        }
        return result;
    }
}
