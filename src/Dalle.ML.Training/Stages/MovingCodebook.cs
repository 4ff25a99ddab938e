using Dalle.ML.Training.Native;
using Dalle.ML.Training.Networks;
using Dalle.ML.Training.Optimisation;
using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Stages;

/// <summary>
/// A codebook of moving averages of the features that chose each code (van den Oord et al. 2017), over all replicas; codes that nothing
/// chose for a while move to a feature of the batch.
/// </summary>
/// <param name="keys">What features are compared with, (K, D).</param>
/// <param name="codebook">What the decoder gets, (K, D), which follows.</param>
/// <param name="threads">The replicas.</param>
internal sealed class MovingCodebook(Tensor keys, Tensor codebook, ReplicaThreads threads) : IDisposable
{
    private const double Decay = 0.98;
    private const int MostRevived = 256;

    private static readonly Scalar Old = Decay.ToScalar(), New = (1 - Decay).ToScalar(), Patience = 40.ToScalar(), Zero = 0.ToScalar();

    private readonly Tensor _count = ones([keys.shape[0]], device: keys.device).DetachFromDisposeScope();
    private readonly Tensor _total = keys.clone().DetachFromDisposeScope();
    private readonly Tensor _unused = zeros([keys.shape[0]], device: keys.device).DetachFromDisposeScope();
    private readonly (Tensor Count, Tensor Sum)[] _batches = new (Tensor, Tensor)[threads.Count];

    public Tensor Keys => keys;

    /// <summary>What a checkpoint keeps.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State => [("count", _count), ("total", _total), ("unused", _unused)];

    /// <summary>Begins anew from the keys that are there.</summary>
    public void Reset()
    {
        using var off = no_grad();
        _count.fill_(Arithmetic.One);
        _total.copy_(keys);
        _unused.zero_();
    }

    /// <summary>The nearest key of each feature, (M, D) -> (M).</summary>
    public Tensor Nearest(Tensor features) => DiscreteVaeNetwork.Nearest(features, keys);

    /// <summary>Takes in the features of a batch. All replicas call it at once.</summary>
    public void Update(int replica, Tensor features, Tensor ids, Generator random, bool revives)
    {
        var count = ids.bincount(null, keys.shape[0]).to(ScalarType.Float32);
        _batches[replica] = (count, zeros_like(keys).index_add_(0, ids, features, Arithmetic.One));
        threads.Meet();
        if (replica == 0)
            Apply(features, random, revives);
        threads.Meet();
    }

    public void Dispose()
    {
        _count.Dispose();
        _total.Dispose();
        _unused.Dispose();
    }

    private void Apply(Tensor features, Generator random, bool revives)
    {
        var (count, sum) = _batches.Aggregate((all, own) => (all.Count.Plus(own.Count), all.Sum.Plus(own.Sum)));
        _count.mul_(Old).add_(count, New);
        _total.mul_(Old).add_(sum, New);
        keys.copy_(_total / _count.unsqueeze(1).Plus(1e-5));
        _unused.copy_(_unused.Plus(1) * count.eq(Zero));
        var dead = _unused.gt(Patience).nonzero().flatten();
        if (revives && dead.shape[0] > 0)
        {
            dead = dead.narrow(0, 0, Math.Min(MostRevived, dead.shape[0]));
            var chosen = features.index_select(0, randint(0, features.shape[0], [dead.shape[0]], device: keys.device, generator: random));
            keys.index_copy_(0, dead, chosen);
            _total.index_copy_(0, dead, chosen);
            _count.index_fill_(0, dead, Arithmetic.One);
            _unused.index_fill_(0, dead, Zero);
        }
        codebook.copy_(keys);
    }
}
