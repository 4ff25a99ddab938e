using System.Diagnostics;
using System.Globalization;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// What <c>dalle serve</c> does for several clients at once: images a second and how long each waits, by the number of clients; what it refuses when
/// more come than its queue has room for; its memory over many requests of which some leave in the middle. It takes minutes.
/// </summary>
internal static class ServerLoad
{
    /// <summary>The argument by which this program does that.</summary>
    public const string Argument = "serve";

    private const int Crowd = 300;
    private const int LongRun = 2000;
    private const int LongRunClients = 16;
    private const int LeavesEvery = 10;
    private const double Mebibyte = 1 << 20;

    private static readonly int[] ClientCounts = [1, 4, 8, 16];

    private static int _seed;

    /// <param name="rounds">Samples of each number of clients.</param>
    public static async Task<int> RunAsync(int rounds)
    {
        Console.WriteLine(Machine.Describe(Machine.CurrentLoad()));
        using (var large = MeasuredDecoder.Random("dalle", "24x1024", Export.Precision.Fp32))
            await MeasureAsync("24x1024, random weights", large.Bundle.Folder, imagesPerClient: 1, rounds).ConfigureAwait(false);
        await MeasureAsync("the built-in model", DalleModel.DefaultPath, imagesPerClient: 12, rounds).ConfigureAwait(false);
        using var server = ServedModel.Start(DalleModel.DefaultPath);
        await OverfillAsync(server).ConfigureAwait(false);
        await EndureAsync(server).ConfigureAwait(false);
        return 0;
    }

    private static async Task MeasureAsync(string name, string bundle, int imagesPerClient, int rounds)
    {
        using var server = ServedModel.Start(bundle);
        await LoadAsync(server, clients: 2, images: 2).ConfigureAwait(false);
        var times = ClientCounts.ToDictionary(count => count, _ => new List<double>());
        var waits = ClientCounts.ToDictionary(count => count, _ => new List<double>());
        for (var round = 0; round < rounds; round++)
        {
            foreach (var count in ClientCounts)
            {
                var clock = Stopwatch.StartNew();
                waits[count].AddRange(await LoadAsync(server, count, imagesPerClient).ConfigureAwait(false));
                times[count].Add(clock.Elapsed.TotalSeconds / (count * imagesPerClient));
            }
        }
        Console.WriteLine($"\n{name}: one candidate an image, {rounds} rounds of {imagesPerClient} images a client, one after the other");
        foreach (var count in ClientCounts)
        {
            var sorted = waits[count].Order().ToArray();
            var (second, alone) = (Results.Median(times[count]), Results.Median(times[1]));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{count,3} clients: {1 / second,7:F2} images/s ({times[count].Min():F3} to {times[count].Max():F3} s each), {alone / second:F2} × one client; p50 {sorted[sorted.Length / 2]:F2} s, p95 {sorted[(int)(sorted.Length * 0.95)]:F2} s"));
        }
    }

    /// <returns>Seconds that each image took its client.</returns>
    private static async Task<double[]> LoadAsync(ServedModel server, int clients, int images)
    {
        var waits = await Task.WhenAll(Enumerable.Range(0, clients).Select(async _ =>
        {
            var own = new List<double>();
            for (var i = 0; i < images; i++)
            {
                var start = Stopwatch.GetTimestamp();
                if (!await server.GenerateAsync(Interlocked.Increment(ref _seed)).ConfigureAwait(false))
                    throw new InvalidOperationException("The queue was full.");
                own.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            }
            return own;
        })).ConfigureAwait(false);
        return [.. waits.SelectMany(own => own)];
    }

    private static async Task OverfillAsync(ServedModel server)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, Crowd).Select(_ => server.GenerateAsync(Interlocked.Increment(ref _seed)))).ConfigureAwait(false);
        Console.WriteLine($"\n{Crowd} clients at once: {answers.Count(served => served)} served, {answers.Count(served => !served)} told to come again (429)");
    }

    private static async Task EndureAsync(ServedModel server)
    {
        Console.WriteLine($"\n{LongRun} requests of {LongRunClients} clients, of which each {LeavesEvery}th leaves in the middle:");
        var (next, left) = (0, 0);
        for (var part = 1; part <= 8; part++)
        {
            var end = LongRun * part / 8;
            await Task.WhenAll(Enumerable.Range(0, LongRunClients).Select(_ => RequestsAsync(end))).ConfigureAwait(false);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{end,5} requests, {left,4} left: {server.WorkingSet / Mebibyte:F0} MiB"));
        }
        var clock = Stopwatch.StartNew();
        while (await server.PendingAsync().ConfigureAwait(false) is > 0 and var pending)
        {
            if (clock.Elapsed > TimeSpan.FromMinutes(1))
                throw new InvalidOperationException($"{pending} images are still in the queue.");
            await Task.Delay(100).ConfigureAwait(false);
        }
        Console.WriteLine("Nothing is left in the queue.");

        async Task RequestsAsync(int end)
        {
            while (Interlocked.Increment(ref next) is var number && number <= end)
            {
                using var leaving = new CancellationTokenSource();
                if (number % LeavesEvery == 0)
                    leaving.CancelAfter(TimeSpan.FromMilliseconds(number % 97));
                try
                {
                    await server.GenerateAsync(Interlocked.Increment(ref _seed), leaving.Token).ConfigureAwait(false);
                }
                catch (OperationCanceledException)
                {
                    Interlocked.Increment(ref left);
                }
            }
            Interlocked.Decrement(ref next);
        }
    }
}
