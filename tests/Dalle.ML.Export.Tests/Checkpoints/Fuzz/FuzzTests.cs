using System.Globalization;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Checkpoints.Fuzz;

/// <summary>
/// Damaged files must be read or refused, in little memory. The environment variables <c>DALLE_FUZZ_SEED</c> and <c>DALLE_FUZZ_COUNT</c>
/// choose others and more; an input is a function of its reader, the seed and its number.
/// </summary>
[Trait("Category", "Fuzz")]
public sealed class FuzzTests : IDisposable
{
    // The files have a few kilobytes; a tensor whose elements are all the same one may have 16 megabytes in memory.
    private const long MaxAllocated = 1 << 27;

    private static readonly int Seed = Number("DALLE_FUZZ_SEED", 1);
    private static readonly int Count = Number("DALLE_FUZZ_COUNT", 3000);

    private readonly TemporaryFolder _folder = new();
    private int _index;
    private int _accepted;

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string> Readers() => [.. FuzzSamples.Readers.Keys];

    [Theory]
    [MemberData(nameof(Readers))]
    public async Task Damaged_files_are_read_or_refused(string reader)
    {
        var work = Task.Run(() =>
        {
            for (; _index < Count; _index++)
                Try(reader);
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
    }

    private void Try(string reader)
    {
        var files = FuzzSamples.Readers[reader](new Mutator(Seed, _index));
        foreach (var (name, content) in files)
            File.WriteAllBytes(Path.Combine(_folder.Path, name), content);
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var checkpoint = Checkpoint.Open(Path.Combine(_folder.Path, files[0].Name));
            foreach (var name in checkpoint.Names)
                checkpoint.Read(name);
            _accepted++;
        }
        catch (InvalidDataException)
        {
        }
        catch (Exception exception)
        {
            throw new InvalidOperationException($"{reader}: input {_index} of seed {Seed} ends in {exception.GetType().Name}: {exception.Message}", exception);
        }
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(allocated < MaxAllocated, $"{reader}: input {_index} of seed {Seed} takes {allocated} bytes of memory.");
    }

    private static int Number(string variable, int otherwise) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : otherwise;
}
