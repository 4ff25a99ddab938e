namespace Dalle.ML.Tests;

/// <summary>Notes at each token how many bytes the thread has allocated since the first one, and allocates none itself.</summary>
public sealed class AllocationMeter(int tokens) : IProgress<GenerationProgress>
{
    private readonly long[] _allocated = new long[tokens];

    /// <summary>Bytes that were allocated on the way from each token to the next.</summary>
    public IEnumerable<long> PerToken => _allocated.Skip(1).Zip(_allocated, (after, before) => after - before);

    /// <summary>
    /// Generates an image several times. What a token always allocates it allocates each time; what is loaded or compiled on the way comes once.
    /// </summary>
    public static IEnumerable<long> Measure(DalleModel model, GenerationOptions options)
    {
        var meter = new AllocationMeter(model.Info.TokenRows * model.Info.TokenColumns);
        var least = Generate();
        for (var i = 0; i < 3; i++)
            least = [.. least.Zip(Generate(), Math.Min)];
        return least;

        long[] Generate()
        {
            foreach (var _ in model.GenerateTokens([new GenerationRequest("a red apple", Seed: 1)], options, meter))
            {
            }
            return [.. meter.PerToken];
        }
    }

    public void Report(GenerationProgress value) => _allocated[value.Step - 1] = GC.GetAllocatedBytesForCurrentThread();
}
