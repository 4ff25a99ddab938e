using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>One buffer of full capacity for each layer's keys or values, [rows, heads, capacity, head size], past and present at once.</summary>
internal sealed class SharedBufferKvCache(TensorMemory memory, KeyValueCache shape, int rows) : KvCache(shape)
{
    private readonly NativeTensor[] _buffers =
        [.. shape.AllNames.Select(_ => new NativeTensor(memory, TypeOf(shape), rows, shape.Heads, shape.Capacity, shape.HeadSize))];

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
        var head = (long)Layout.Capacity * Layout.HeadSize;
        foreach (var (target, buffer) in _buffers.Zip(((SharedBufferKvCache)source)._buffers))
        {
            for (var h = 0; h < Layout.Heads; h++)
                target.Copy(buffer, (from * (long)Layout.Heads + h) * head, (to * (long)Layout.Heads + h) * head, positions * (long)Layout.HeadSize);
        }
    }

    public override void Dispose()
    {
        foreach (var buffer in _buffers)
            buffer.Dispose();
    }
}
