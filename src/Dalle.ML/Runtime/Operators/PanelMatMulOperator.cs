using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// <see cref="PanelProduct"/> as an operator of ONNX Runtime, in the place of its <c>MatMul</c>, before which the weights are widened.
/// </summary>
internal static unsafe class PanelMatMulOperator
{
    public const string Name = "PanelMatMul";
    public const string FactorAttribute = "factor";

    private const int MaxRank = 8;

    public static nint NewTable() => OperatorTable.Create(Name, [OperatorTable.Float, OperatorTable.UInt16], outputs: 1, &Create, &Compute);

    [UnmanagedCallersOnly]
    private static nint Create(nint table, nint api, nint info, nint* kernel)
    {
        try
        {
            var factor = OrtApi.FloatAttribute(info, FactorAttribute);
            *kernel = (nint)NativeMemory.Alloc(sizeof(float));
            *(float*)*kernel = factor;
            return 0;
        }
        catch (Exception exception)
        {
            return OrtApi.Failure(exception.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static nint Compute(nint kernel, nint context)
    {
        try
        {
            var call = Read(*(float*)kernel, context);
            if (call.Rows > 0)
                OrtApi.ParallelFor(context, &Run, call.Tasks, &call);
            return 0;
        }
        catch (Exception exception)
        {
            return OrtApi.Failure(exception.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void Run(void* call, nuint task) => ((PanelProduct*)call)->Run((int)task);

    /// <summary>The call; graphs are untrusted, so that nothing of it is taken for granted.</summary>
    private static PanelProduct Read(float factor, nint context)
    {
        Span<long> input = stackalloc long[MaxRank];
        Span<long> panels = stackalloc long[3];
        var (x, weights) = (OrtApi.Input(context, 0), OrtApi.Input(context, 1));
        var rank = OrtApi.Shape(x, input);
        if (OrtApi.Shape(weights, panels) != 3 || panels[2] != WeightPanels.Columns || rank is < 1 or > MaxRank || input[rank - 1] != panels[1])
            throw new InvalidOperationException($"A product with panels cannot run; the rule is: the input is [rows, depth], the weights are [panels, depth, {WeightPanels.Columns}].");
        var rows = 1L;
        for (var axis = 0; axis < rank - 1; axis++)
            rows *= input[axis];
        input[rank - 1] = panels[0] * WeightPanels.Columns;
        return new PanelProduct
        {
            Rows = checked((int)rows),
            Depth = (int)panels[1],
            Width = checked((int)input[rank - 1]),
            Tasks = PanelProduct.TasksFor((int)rows, (int)panels[0], CpuCores.Threads),
            Input = (float*)OrtApi.Data(x),
            Weights = (ushort*)OrtApi.Data(weights),
            Factor = factor,
            Result = (float*)OrtApi.Data(OrtApi.Output(context, 0, input[..rank])),
        };
    }
}
