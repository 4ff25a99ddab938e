using Dalle.ML.Training.Optimisation;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Tests.Optimisation;

public sealed class ReplicaThreadsTests
{
    /// <summary>With passes that choose at once, most processes crash within some hundred shapes, on a machine that tells no sizes of its caches.</summary>
    [Fact]
    public void Convolutions_of_new_shapes_do_not_disturb_each_other()
    {
        TorchSupport.Require();
        var random = new Random(1);
        using var threads = new ReplicaThreads(count: 2, threadsEach: 1);
        var gradients = new double[2];
        // Each shape once: oneDNN keeps 1024 choices, fewer than are made here.
        var shapes = Enumerable.Range(0, 800).Select(_ => (random.Next(1, 20), 8 * random.Next(1, 7), 8 * random.Next(1, 7), random.Next(2, 12))).Distinct();
        foreach (var (images, from, to, side) in shapes)
        {
            threads.Run(replica => threads.Pass($"{from} {to} {side}", images, () =>
            {
                using var scope = NewDisposeScope();
                var x = ones(images, side, side, from).permute(0, 3, 1, 2).requires_grad_();
                var weight = ones([to, from, 3, 3], requires_grad: true);
                threads.Meet();
                nn.functional.conv2d(x, weight, padding: [1, 1]).sum().backward();
                gradients[replica] = x.grad!.amax(0, 1, 2, 3).cpu().data<float>()[0];
            }));
            // A pixel counts in as many sums as there are windows around it.
            var windows = Math.Min(side, 3) * Math.Min(side, 3);
            Assert.Equal([to * windows, to * windows], gradients);
        }
    }

    [Fact]
    public void A_pass_that_fails_leaves_no_one_waiting()
    {
        TorchSupport.Require();
        using var threads = new ReplicaThreads(count: 2, threadsEach: 1);
        var exception = Assert.Throws<InvalidOperationException>(() => threads.Run(replica => threads.Pass("it", 1, () =>
        {
            if (replica == 0)
                throw new InvalidOperationException("the first");
            threads.Meet();
        })));
        Assert.Equal("the first", exception.Message);
        using var others = new ReplicaThreads(count: 2, threadsEach: 1);
        var passes = 0;
        others.Run(_ => others.Pass("it", 1, () => Interlocked.Increment(ref passes)));
        Assert.Equal(2, passes);
    }
}
