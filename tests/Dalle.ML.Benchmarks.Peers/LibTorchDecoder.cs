using System.Diagnostics;
using Dalle.ML.Training.Native;
using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Dalle.ML.Benchmarks.Peers;

/// <summary>The decoder in libtorch: fused products of queries, keys and values, PyTorch's own attention, and a cache that is written in place.</summary>
internal sealed class LibTorchDecoder : IPeer
{
    public const string Library = "libtorch";

    private const string Version = "2.10";

    private static readonly Scalar Deviation = 0.02.ToScalar();

    private readonly Geometry _geometry;
    private readonly ScalarType _type;
    private readonly Tensor _embedding;
    private readonly Tensor _positions;
    private readonly Layer[] _layers;
    private readonly (Tensor Weight, Tensor Bias) _norm;
    private readonly (Tensor Weight, Tensor Bias) _head;
    private readonly Dictionary<int, Tensor[]> _caches = [];
    private readonly IDisposable _inference;

    /// <param name="geometry">The shape.</param>
    /// <param name="precision"><c>fp32</c> or <c>bf16</c>.</param>
    public LibTorchDecoder(Geometry geometry, string precision)
    {
        (_geometry, _type) = (geometry, precision == "bf16" ? ScalarType.BFloat16 : ScalarType.Float32);
        LibTorch.EnsureLoaded();
        set_num_threads(Environment.ProcessorCount);
        _inference = inference_mode();
        var dim = geometry.Dim;
        (_embedding, _positions) = (Random(Geometry.Vocabulary, dim), Random(Geometry.Capacity, dim));
        _layers = [.. Enumerable.Range(0, geometry.Layers).Select(_ => new Layer(
            Norm(), Linear(3 * dim, dim), Linear(dim, dim), Norm(), Linear(geometry.Inner, dim), Linear(dim, geometry.Inner)))];
        (_norm, _head) = (Norm(), Linear(Geometry.Vocabulary, dim));
        Description = $"{Library} {Version} {precision} (TorchSharp {Machine.VersionOf(typeof(torch))}, {get_num_threads()} threads)";
    }

    public string Description { get; }

    public double Step(int rows)
    {
        if (!_caches.TryGetValue(rows, out var cache))
        {
            // Of each layer, keys and values.
            long[] shape = [2, rows, _geometry.Heads, Geometry.Capacity, _geometry.HeadSize];
            _caches.Add(rows, cache = [.. _layers.Select(_ => zeros(shape, _type))]);
        }
        var start = Stopwatch.GetTimestamp();
        for (var step = 0; step < Geometry.Steps; step++)
            Run(rows, Geometry.First + step, cache);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Geometry.Steps;
    }

    public void Dispose() => _inference.Dispose();

    /// <returns>The token of the largest logit of the first row: logits are read, as we read ours.</returns>
    private long Run(int rows, int position, Tensor[] caches)
    {
        using var scope = NewDisposeScope();
        var (dim, end) = (_geometry.Dim, position + 1);
        var x = _embedding.narrow(0, 0, rows).Plus(_positions[position]);
        foreach (var (layer, cache) in _layers.Zip(caches))
        {
            var qkv = Linear(Norm(x, layer.Norm1), layer.Qkv).view(rows, 3, _geometry.Heads, _geometry.HeadSize);
            cache.select(3, position).copy_(qkv.slice(1, 1, 3, 1).transpose(0, 1));
            var past = cache.slice(3, 0, end, 1);
            var attended = functional.scaled_dot_product_attention(qkv.select(1, 0).unsqueeze(2), past[0], past[1]);
            x = x.Plus(Linear(attended.view(rows, dim), layer.Out));
            x = x.Plus(Linear(functional.gelu(Linear(Norm(x, layer.Norm2), layer.Up)), layer.Down));
        }
        return Linear(Norm(x, _norm), _head).argmax(-1)[0].item<long>();
    }

    private Tensor Norm(Tensor x, (Tensor Weight, Tensor Bias) norm) => functional.layer_norm(x, [_geometry.Dim], norm.Weight, norm.Bias);

    private static Tensor Linear(Tensor x, (Tensor Weight, Tensor Bias) linear) => addmm(linear.Bias, x, linear.Weight, 1, 1);

    private (Tensor Weight, Tensor Bias) Norm() => (ones(_geometry.Dim, _type), zeros(_geometry.Dim, _type));

    /// <summary>Weights [inputs, outputs] as they are multiplied fastest: floats stored so, and bf16 as PyTorch's own layers have them, the other way round.</summary>
    private (Tensor Weight, Tensor Bias) Linear(int outputs, int inputs) =>
        (_type == ScalarType.Float32 ? Random(inputs, outputs) : Random(outputs, inputs).t(), zeros(outputs, _type));

    private Tensor Random(int rows, int columns)
    {
        using var values = randn(rows, columns);
        return values.mul_(Deviation).to_type(_type, copy: true);
    }

    private sealed record Layer(
        (Tensor, Tensor) Norm1, (Tensor, Tensor) Qkv, (Tensor, Tensor) Out, (Tensor, Tensor) Norm2, (Tensor, Tensor) Up, (Tensor, Tensor) Down);
}
