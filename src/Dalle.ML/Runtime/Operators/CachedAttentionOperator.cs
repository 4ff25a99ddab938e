using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Dalle.ML.Runtime.Operators;

/// <summary>
/// <see cref="AttentionCall"/> as an operator of ONNX Runtime, in the place of its <c>GroupQueryAttention</c>, which reads the cache of a step at less than
/// half the bandwidth.
/// </summary>
internal static unsafe class CachedAttentionOperator
{
    public const string Name = "CachedAttention";
    public const string HeadsAttribute = "num_heads";
    public const string ScaleAttribute = "scale";

    /// <summary>The largest cache; the scores of a head lie on the stack.</summary>
    public const int MaxCapacity = 8192;

    private const int MaxScores = 32768;

    // Places of the inputs. Keys and values are missing where the queries hold all three side by side.
    private const int Query = 0;
    private const int Key = 1;
    private const int Value = 2;
    private const int PastKeys = 3;
    private const int PastValues = 4;
    private const int Last = 5;
    private const int Shared = 6;
    private const int Bias = 7;

    /// <summary>Whether the operator is worth using on this processor.</summary>
    public static bool IsSupported => Vector256.IsHardwareAccelerated;

    public static nint NewTable() => OperatorTable.Create(
        Name,
        [
            OperatorTable.Float, OperatorTable.Float | OperatorTable.Optional, OperatorTable.Float | OperatorTable.Optional, OperatorTable.Float, OperatorTable.Float,
            OperatorTable.Int32, OperatorTable.Int32, OperatorTable.Float | OperatorTable.Optional,
        ],
        outputs: 3,
        &Create,
        &Compute);

    [UnmanagedCallersOnly]
    private static nint Create(nint table, nint api, nint info, nint* kernel)
    {
        try
        {
            var attributes = new Attributes((int)OrtApi.Int64Attribute(info, HeadsAttribute), OrtApi.FloatAttribute(info, ScaleAttribute));
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
            OrtApi.ParallelFor(context, &Run, call.Rows * call.Groups, &call);
            return 0;
        }
        catch (Exception exception)
        {
            return OrtApi.Failure(exception.Message);
        }
    }

    [UnmanagedCallersOnly]
    private static void Run(void* call, nuint task) => ((AttentionCall*)call)->Run((int)task);

    /// <summary>The call; graphs are untrusted, so that nothing of it is taken for granted.</summary>
    private static AttentionCall Read(Attributes attributes, nint context)
    {
        Span<long> cache = stackalloc long[4];
        Span<long> shape = stackalloc long[4];
        var pastKeys = OrtApi.Input(context, PastKeys);
        Require(OrtApi.Shape(pastKeys, cache) == 4 && cache[2] == attributes.Heads && cache[1] <= MaxCapacity && cache[3] % AttentionCall.Lanes == 0,
            "the cache is [rows, capacity, heads, head size]");
        var call = new AttentionCall
        {
            Rows = (int)cache[0],
            Capacity = (int)cache[1],
            Heads = (int)cache[2],
            HeadSize = (int)cache[3],
            Scale = attributes.Scale == 0 ? 1 / MathF.Sqrt(cache[3]) : attributes.Scale,
        };
        var width = call.Heads * call.HeadSize;
        ReadQueries(context, width, ref call);

        var last = OrtApi.Input(context, Last);
        var shared = OrtApi.Input(context, Shared);
        Require(HasShape(last, call.Rows) && HasShape(shared, call.Rows, 2), "there are one length and two numbers of what is shared a row");
        call.Last = (int*)OrtApi.Data(last);
        call.Shared = (int*)OrtApi.Data(shared);
        var longest = 0;
        for (var row = 0; row < call.Rows; row++)
        {
            longest = Math.Max(longest, call.Last[row] + 1);
            Require(call.Last[row] >= call.Sequence - 1 && call.Last[row] < call.Capacity, "the positions lie within the cache");
            Require((uint)call.Shared[2 * row] < (uint)call.Rows && call.Shared[2 * row + 1] >= 0, "what is shared lies within the rows");
        }
        if (OrtApi.Input(context, Bias) is not 0 and var bias)
        {
            Require(new ReadOnlySpan<int>(call.Last, call.Rows).IndexOfAnyExcept(longest - 1) < 0 && HasShape(bias, 1, 1, call.Sequence, longest),
                "the bias is [1, 1, sequence, positions], and rows are equally long");
            call.Bias = (float*)OrtApi.Data(bias);
        }

        // The engine binds past and present to the same memory.
        var keys = OrtApi.Output(context, 1, cache);
        var values = OrtApi.Output(context, 2, cache);
        var pastValues = OrtApi.Input(context, PastValues);
        Require(HasShape(pastValues, cache) && OrtApi.Data(keys) == OrtApi.Data(pastKeys) && OrtApi.Data(values) == OrtApi.Data(pastValues),
            "past and present are one buffer");
        call.Keys = (float*)OrtApi.Data(keys);
        call.Values = (float*)OrtApi.Data(values);
        call.Result = (float*)OrtApi.Data(OrtApi.Output(context, 0, [call.Rows, call.Sequence, width]));

        // A task for each thread, and few enough scores for its stack.
        var groups = Math.Max((CpuCores.Threads + call.Rows - 1) / call.Rows, (longest + AttentionCall.Lanes) * call.Heads / MaxScores + 1);
        call.Groups = Math.Clamp(groups, 1, call.Heads);
        return call;
    }

    private static void ReadQueries(nint context, int width, ref AttentionCall call)
    {
        Span<long> shape = stackalloc long[3];
        var query = OrtApi.Input(context, Query);
        var key = OrtApi.Input(context, Key);
        var value = OrtApi.Input(context, Value);
        call.Stride = key == 0 ? 3 * width : width;
        Require(OrtApi.Shape(query, shape) == 3 && shape[0] == call.Rows && shape[2] == call.Stride, "the queries are [rows, sequence, width]");
        Require(key == 0 || (HasShape(key, shape) && HasShape(value, shape)), "keys and values have the shape of the queries");
        call.Sequence = (int)shape[1];
        call.Query = (float*)OrtApi.Data(query);
        call.Key = key == 0 ? call.Query + width : (float*)OrtApi.Data(key);
        call.Value = key == 0 ? call.Query + 2 * width : (float*)OrtApi.Data(value);
    }

    private static bool HasShape(nint value, params ReadOnlySpan<long> expected)
    {
        Span<long> shape = stackalloc long[4];
        return value != 0 && OrtApi.Shape(value, shape) == expected.Length && shape[..expected.Length].SequenceEqual(expected);
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds)
            throw new InvalidOperationException($"{Name} cannot run; the rule is: {rule}.");
    }

    private readonly record struct Attributes(int Heads, float Scale);
}
