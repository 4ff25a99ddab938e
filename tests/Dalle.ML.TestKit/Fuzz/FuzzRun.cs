using System.Diagnostics;
using System.Globalization;

namespace Dalle.ML.Tests.Fuzz;

/// <summary>
/// Feeds damaged inputs to a reader: it must read or refuse each in little memory, and end. The environment variables <c>DALLE_FUZZ_SEED</c> and
/// <c>DALLE_FUZZ_COUNT</c> choose others and more; an input is a function of its reader, the seed and its number.
/// </summary>
internal sealed class FuzzRun(string reader, long maxAllocated)
{
    private static readonly int Seed = Number("DALLE_FUZZ_SEED", 1);
    private static readonly int Count = Number("DALLE_FUZZ_COUNT", 3000);

    private int _index;
    private int _accepted;

    /// <param name="read">Makes an input and reads it; an exception of another type than those below is a fault.</param>
    /// <param name="refusals">The exceptions by which the reader refuses.</param>
    /// <returns>How it went, for the test's output.</returns>
    public async Task<string> Run(Action<Mutator> read, params Type[] refusals)
    {
        var clock = Stopwatch.StartNew();
        var work = Task.Run(() =>
        {
            for (; _index < Count; _index++)
                Try(read, refusals);
        });
        while (!work.IsCompleted)
        {
            var before = Volatile.Read(ref _index);
            await Task.WhenAny(work, Task.Delay(TimeSpan.FromMinutes(5)));
            Assert.True(work.IsCompleted || Volatile.Read(ref _index) > before, $"{reader}: input {before} of seed {Seed} does not end.");
        }
        await work;
        // Damage that is never fatal or always is would not show much.
        if (Count >= 1000)
            Assert.InRange(_accepted, Count / 100, Count * 99 / 100);
        return string.Create(CultureInfo.InvariantCulture, $"{reader}: {Count} inputs of seed {Seed}, {_accepted} accepted, {Count / clock.Elapsed.TotalSeconds:0} a second");
    }

    private void Try(Action<Mutator> read, Type[] refusals)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            read(new Mutator(Seed, _index));
            _accepted++;
        }
        catch (Exception exception) when (refusals.Contains(exception.GetType()))
        {
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{reader}: input {_index} of seed {Seed} ends in {exception.GetType().Name}: {exception.Message}", exception);
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < maxAllocated, $"{reader}: input {_index} of seed {Seed} takes {allocated} bytes of memory.");
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
