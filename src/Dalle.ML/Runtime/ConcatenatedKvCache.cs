using Dalle.ML.Bundles;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Runtime;

/// <summary>
/// Keys and values that grow: each call reads past [rows, heads, past, head size] and writes present [rows, heads, total, head size] behind
/// it. Two buffers of full capacity take turns, so that no tensor is allocated as the sequences grow; but their shapes change with each call,
/// and ONNX Runtime's values and names of them are objects.
/// </summary>
internal sealed class ConcatenatedKvCache(TensorMemory memory, KeyValueCache shape, int rows) : KvCache(shape)
{
    private readonly List<OrtValue> _views = [];
    private NativeTensor[] _past = Buffers(memory, shape, rows);
    private NativeTensor[] _present = Buffers(memory, shape, rows);

    public override bool RebindsEveryStep => true;

    public override void Bind(OrtIoBinding binding, int past, int total)
    {
        (_past, _present) = (_present, _past);
        DisposeViews();
        var index = 0;
        foreach (var (pastName, presentName) in Layout.AllNames)
        {
            binding.BindInput(pastName, View(_past[index], past));
            binding.BindOutput(presentName, View(_present[index++], total));
        }
    }

    public override void CopyRow(KvCache source, int from, int to, int positions)
    {
        var count = (long)Layout.Heads * positions * Layout.HeadSize;
        foreach (var (target, buffer) in _present.Zip(((ConcatenatedKvCache)source)._present))
            target.Copy(buffer, from * count, to * count, count);
    }

    public override void Dispose()
    {
        DisposeViews();
        foreach (var buffer in _past.Concat(_present))
            buffer.Dispose();
    }

    private static NativeTensor[] Buffers(TensorMemory memory, KeyValueCache shape, int rows) =>
        [.. shape.AllNames.Select(_ => new NativeTensor(memory, TypeOf(shape), rows, shape.Heads, shape.Capacity, shape.HeadSize))];

    private OrtValue View(NativeTensor buffer, int positions)
    {
        var view = buffer.View(rows, Layout.Heads, positions, Layout.HeadSize);
        _views.Add(view);
        return view;
    }

    private void DisposeViews()
    {
        _views.ForEach(view => view.Dispose());
        _views.Clear();
    }
}
