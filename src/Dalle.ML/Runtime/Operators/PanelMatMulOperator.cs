using System.Runtime.InteropServices;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// <see cref="PanelProduct"/> as two operators of ONNX Runtime, for weights of 16 and 32 bits, in the place of its <c>MatMul</c>, which widens the former and
/// takes twice as long for eight rows of the latter.
/// </summary>
internal static unsafe class PanelMatMulOperator
{
    public const string OfHalves = "HalfPanelMatMul";
    public const string OfFloats = "FloatPanelMatMul";
    public const string FactorAttribute = "factor";

    private const int MaxRank = 8;

    // More tasks than threads, so that one that is held up does not hold up all.
    private const int TasksPerThread = 4;

    public static nint NewTableOfHalves() => OperatorTable.Create(OfHalves, [OperatorTable.Float, OperatorTable.UInt16], outputs: 1, &CreateOfHalves, &Compute);

    public static nint NewTableOfFloats() => OperatorTable.Create(OfFloats, [OperatorTable.Float, OperatorTable.Float], outputs: 1, &CreateOfFloats, &Compute);

    [UnmanagedCallersOnly]
    private static nint CreateOfHalves(nint table, nint api, nint info, nint* kernel) => Create(info, hasHalves: true, kernel);

    [UnmanagedCallersOnly]
    private static nint CreateOfFloats(nint table, nint api, nint info, nint* kernel) => Create(info, hasHalves: false, kernel);

    private static nint Create(nint info, bool hasHalves, nint* kernel)
    {
        try
        {
            var attributes = new Attributes(OrtApi.FloatAttribute(info, FactorAttribute), hasHalves);
            *kernel = (nint)NativeMemory.Alloc((nuint)sizeof(Attributes));
            *(Attributes*)*kernel = attributes;
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
            var call = Read(*(Attributes*)kernel, context);
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
    private static PanelProduct Read(Attributes attributes, nint context)
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
            Tasks = (int)Math.Min(panels[0], CpuCores.Threads * TasksPerThread),
            Input = (float*)OrtApi.Data(x),
            Weights = OrtApi.Data(weights),
            HasHalves = attributes.HasHalves,
            Factor = attributes.Factor,
            Result = (float*)OrtApi.Data(OrtApi.Output(context, 0, input[..rank])),
        };
    }

    private readonly record struct Attributes(float Factor, bool HasHalves);
}
