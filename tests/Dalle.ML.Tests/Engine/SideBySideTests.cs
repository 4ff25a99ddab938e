using Dalle.ML.Engine;

namespace Dalle.ML.Tests.Engine;

public sealed class SideBySideTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(100)]
    public void Results_come_in_the_order_of_the_items(int atOnce)
    {
        var results = SideBySide.Select(Enumerable.Range(0, 20), atOnce, number => new Result(number)).Select(result => result.Number);
        Assert.Equal(Enumerable.Range(0, 20), results);
    }

    [Fact]
    public void Items_are_worked_on_at_once()
    {
        // Each waits for the others: one after the other they would never end.
        using var all = new Barrier(3);
        var results = SideBySide.Select(Enumerable.Range(0, 3), 3, number =>
        {
            Assert.True(all.SignalAndWait(TimeSpan.FromMinutes(1), TestContext.Current.CancellationToken));
            return new Result(number);
        });
        Assert.Equal(3, results.Count());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 3)]
    public void Items_are_taken_by_the_callers_thread_when_their_work_can_begin(int atOnce, int taken)
    {
        var (items, threads) = (0, new List<int>());
        using var results = SideBySide.Select(Items(), atOnce, number => new Result(number)).GetEnumerator();
        Assert.Equal(0, items);
        Assert.True(results.MoveNext());
        Assert.Equal(taken, items);
        Assert.True(results.MoveNext());
        Assert.Equal(taken + 1, items);
        Assert.All(threads, thread => Assert.Equal(Environment.CurrentManagedThreadId, thread));

        IEnumerable<int> Items()
        {
            while (true)
            {
                threads.Add(Environment.CurrentManagedThreadId);
                yield return items++;
            }
        }
    }

    [Fact]
    public void Results_that_nobody_takes_are_disposed()
    {
        var made = new List<Result>();
        using (var results = SideBySide.Select(Enumerable.Range(0, 20), 4, Make).GetEnumerator())
            Assert.True(results.MoveNext());
        Assert.Equal(4, made.Count);
        Assert.All(made, result => Assert.Equal(result.Number != 0, result.IsDisposed));

        Result Make(int number)
        {
            var result = new Result(number);
            lock (made)
                made.Add(result);
            return result;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void A_failure_comes_in_its_place_and_as_it_is(int atOnce)
    {
        var taken = new List<int>();
        var exception = Assert.Throws<InvalidDataException>(() =>
        {
            foreach (var result in SideBySide.Select(Enumerable.Range(0, 9), atOnce, number => number == 5 ? throw new InvalidDataException("the fifth") : new Result(number)))
                taken.Add(result.Number);
        });
        Assert.Equal("the fifth", exception.Message);
        Assert.Equal([0, 1, 2, 3, 4], taken);
    }

    private sealed class Result(int number) : IDisposable
    {
        public int Number => number;

        public bool IsDisposed { get; private set; }

        public void Dispose() => IsDisposed = true;
    }
}
