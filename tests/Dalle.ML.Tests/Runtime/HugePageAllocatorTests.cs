using System.Globalization;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;
using Google.Protobuf;
using Microsoft.ML.OnnxRuntime;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Tests.Runtime;

public sealed class HugePageAllocatorTests
{
    private const int Depth = 3072;
    private const int Width = 4096;

    [Fact]
    public void What_a_product_reads_is_asked_to_be_on_huge_pages_and_gives_the_same()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux() && Directory.Exists("/sys/kernel/mm/transparent_hugepage"), "the system has no such pages");
        OrtRuntime.Start(DalleDevice.Cpu);
        var g = new OnnxGraphBuilder(DataType.Float);
        g.Input("x", DataType.Float, 1, Depth);
        g.Output("y", DataType.Float, 1, Width);
        var weights = g.Constant("w", [.. Enumerable.Range(0, Depth * Width).Select(i => (i % 1000 - 500) / 1000f)]);
        g.Graph.Initializer[0].Dims.Clear();
        g.Graph.Initializer[0].Dims.AddRange([Depth, Width]);
        g.Graph.Name = "graph";
        g.Node("MatMul", ["x", weights], ["y"]);
        var model = new ModelProto { IrVersion = 10, OpsetImport = { new OperatorSetIdProto { Version = 21 } }, Graph = g.Graph }.ToByteArray();

        using var plain = new SessionOptions();
        using var huge = new SessionOptions();
        HugePageAllocator.Use(huge);
        using var before = new InferenceSession(model, plain);
        float[] results;
        using (var session = new InferenceSession(model, huge))
        {
            Assert.InRange(LargestAdvised(), sizeof(float) * Depth * Width * 0.9, double.MaxValue);
            results = Product(session);
        }
        Assert.Equal(Product(before), results);
    }

    private static float[] Product(InferenceSession session)
    {
        using var x = OrtValue.CreateTensorValueFromMemory(Enumerable.Range(0, Depth).Select(i => MathF.Sin(i)).ToArray(), [1, Depth]);
        using var run = new RunOptions();
        using var results = session.Run(run, ["x"], [x], ["y"]);
        return results[0].GetTensorDataAsSpan<float>().ToArray();
    }

    /// <summary>Size of the largest area of this process for which huge pages were asked (flag <c>hg</c>, man 5 proc).</summary>
    private static double LargestAdvised()
    {
        var (largest, size) = (0.0, 0.0);
        foreach (var line in File.ReadLines("/proc/self/smaps"))
        {
            if (line.StartsWith("Size:", StringComparison.Ordinal))
                size = 1024 * double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
            else if (line.StartsWith("VmFlags:", StringComparison.Ordinal) && line.Split(' ').Contains("hg"))
                largest = Math.Max(largest, size);
        }
        return largest;
    }
}
