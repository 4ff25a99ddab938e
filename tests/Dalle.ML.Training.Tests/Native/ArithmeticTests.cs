using Dalle.ML.Training.Native;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Tests.Native;

public sealed class ArithmeticTests
{
    /// <summary>With TorchSharp's own operators some of so many sums are wrong, or libtorch finds a number of no known type.</summary>
    [Fact]
    public void Numbers_live_until_libtorch_has_read_them()
    {
        TorchSupport.Require();
        var sums = 0;
        using var isOver = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            // One collection in a sum, at no particular place in it. Without a pause in between, the sums might never get their turn.
            var random = new Random(1);
            for (var seen = 0; !isOver.IsCancellationRequested; seen = Volatile.Read(ref sums))
            {
                SpinWait.SpinUntil(() => Volatile.Read(ref sums) != seen || isOver.IsCancellationRequested);
                Thread.SpinWait(random.Next(1000));
                GC.Collect(0);
            }
        });
        collector.Start();
        try
        {
            for (var round = 0; round < 300; round++)
            {
                using var scope = NewDisposeScope();
                var x = ones(2);
                for (var i = 0; i < 100; i++)
                {
                    Assert.Equal(4, x.Plus(x).Plus(0.5).Times(2).Over(2.5).Clamped(-1, 3).Plus(x).Plus(-1).sum().Number());
                    Interlocked.Increment(ref sums);
                }
            }
        }
        finally
        {
            isOver.Cancel();
            collector.Join();
        }
    }
}
