using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>One buffer of full capacity for each layer's keys or values, past and present at once.</summary>
/// <param name="memory">Where they lie.</param>
/// <param name="shape">Their sizes.</param>
/// <param name="rows">Number of sequences.</param>
/// <param name="positionsFirst">Whether a buffer is [rows, capacity, heads, head size] rather than [rows, heads, capacity, head size].</param>
internal sealed class SharedBufferKvCache(TensorMemory memory, KeyValueCache shape, int rows, bool positionsFirst) : KvCache(shape)
{
    private readonly NativeTensor[] _buffers = [.. shape.AllNames.Select(_ => positionsFirst
        ? new NativeTensor(memory, TypeOf(shape), rows, shape.Capacity, shape.Heads, shape.HeadSize)
        : new NativeTensor(memory, TypeOf(shape), rows, shape.Heads, shape.Capacity, shape.HeadSize))];

    public override bool RebindsEveryStep => false;

    public override void Bind(OrtIoBinding binding, int past, int total)
    {
        foreach (var ((pastName, presentName), buffer) in Layout.AllNames.Zip(_buffers))
        {
            binding.BindInput(pastName, buffer.Value);
            binding.BindOutput(presentName, buffer.Value);
        }
    }

    public override void CopyRow(KvCache source, int from, int to, int positions)
    {
        var runs = positionsFirst ? 1 : Layout.Heads;
        var distance = (long)Layout.Heads * Layout.Capacity * Layout.HeadSize / runs;
        var length = (long)Layout.Heads * positions * Layout.HeadSize / runs;
        foreach (var (target, buffer) in _buffers.Zip(((SharedBufferKvCache)source)._buffers))
        {
            for (var run = 0; run < runs; run++)
                target.Copy(buffer, ((long)from * runs + run) * distance, ((long)to * runs + run) * distance, length);
        }
    }

    public override void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }
}
