using System.Diagnostics;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Benchmarks;

/// <summary>
/// Uses the built-in model for a long time in every way at once: generates, cancels, stops reading in the middle, loads and disposes, encodes, ranks, runs
/// pipelines. Memory, handles and threads must stay level.
/// </summary>
internal sealed class Soak : IDisposable
{
    public const string Argument = "soak";

    private const int Workers = 2;

    // Growth from the second quarter of the time to the last that counts as level: memory in MB.
    private const double MemoryFactor = 1.1;
    private const long WorkingSetSlack = 48;
    private const long ManagedSlack = 8;
    private const int CountSlack = 8;

    private readonly ReaderWriterLockSlim _rest = new();
    private readonly CancellationTokenSource _end = new();
    private readonly string _expected;
    private long _actions;

    private Soak()
    {
        using var model = DalleModel.LoadDefault();
        _expected = Picture(model);
    }

    private sealed record Sample(double Minute, long Actions, long WorkingSet, long Managed, int Handles, int Threads);

    /// <summary>Runs for some minutes.</summary>
    /// <returns>0 if everything stayed level, else 1.</returns>
    public static int Run(double minutes, int seed)
    {
        Console.WriteLine($"{Workers} workers for {minutes} minutes, seed {seed}");
        Console.WriteLine($"{"minute",8} {"actions",8} {"working set",12} {"managed",9} {"handles",8} {"threads",8}");
        using var soak = new Soak();
        var workers = Enumerable.Range(0, Workers)
            .Select(worker => Task.Factory.StartNew(() => soak.Work(new Random(seed * Workers + worker)), TaskCreationOptions.LongRunning))
            .ToArray();
        var samples = soak.Watch(TimeSpan.FromMinutes(minutes), workers);
        soak._end.Cancel();
        Task.WaitAll(workers);
        return Judge(samples) ? 0 : 1;
    }

    public void Dispose()
    {
        _rest.Dispose();
        _end.Dispose();
    }

    /// <summary>Takes a sample each minute, of short runs more often, while the workers rest.</summary>
    private List<Sample> Watch(TimeSpan duration, Task[] workers)
    {
        var clock = Stopwatch.StartNew();
        var pause = TimeSpan.FromSeconds(Math.Min(60, duration.TotalSeconds / 8));
        var samples = new List<Sample>();
        while (clock.Elapsed < duration && !workers.Any(worker => worker.IsFaulted))
        {
            Thread.Sleep(pause);
            _rest.EnterWriteLock();
            var sample = Measure(clock.Elapsed.TotalMinutes);
            _rest.ExitWriteLock();
            samples.Add(sample);
            Console.WriteLine(
                $"{sample.Minute,8:0.0} {sample.Actions,8} {sample.WorkingSet,9} MB {sample.Managed,6} MB {sample.Handles,8} {sample.Threads,8}");
        }
        return samples;
    }

    private Sample Measure(double minute)
    {
        for (var i = 0; i < 2; i++)
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
        using var process = Process.GetCurrentProcess();
        const string OpenFiles = "/proc/self/fd";
        return new Sample(
            minute, Interlocked.Read(ref _actions), process.WorkingSet64 >> 20, GC.GetTotalMemory(forceFullCollection: true) >> 20,
            Directory.Exists(OpenFiles) ? Directory.GetFiles(OpenFiles).Length : process.HandleCount, process.Threads.Count);
    }

    private static bool Judge(List<Sample> samples)
    {
        // The first quarter warms up.
        var quarter = samples.Count / 4;
        if (quarter == 0)
        {
            Console.WriteLine("Too short to judge.");
            return true;
        }
        var (early, late) = (samples[quarter..(2 * quarter)], samples[^quarter..]);
        bool[] isLevel =
        [
            Compare("working set", sample => sample.WorkingSet, WorkingSetSlack, MemoryFactor),
            Compare("managed", sample => sample.Managed, ManagedSlack, MemoryFactor),
            Compare("handles", sample => sample.Handles, CountSlack, factor: 1),
            Compare("threads", sample => sample.Threads, CountSlack, factor: 1),
        ];
        return isLevel.All(level => level);

        bool Compare(string name, Func<Sample, long> of, long slack, double factor)
        {
            var (before, after) = (Median(early), Median(late));
            var isLevel = after <= before * factor + slack;
            Console.WriteLine($"{name}: {before} in the second quarter, {after} in the last: {(isLevel ? "level" : "GROWS")}");
            return isLevel;

            long Median(List<Sample> some) => some.Select(of).Order().ElementAt(some.Count / 2);
        }
    }

    private void Work(Random random)
    {
        var model = DalleModel.LoadDefault();
        while (!_end.IsCancellationRequested)
        {
            _rest.EnterReadLock();
            try
            {
                Act(random, ref model);
            }
            finally
            {
                _rest.ExitReadLock();
            }
            Interlocked.Increment(ref _actions);
        }
        model.Dispose();
    }

    private void Act(Random random, ref DalleModel model)
    {
        var options = new GenerationOptions { Candidates = random.Next(1, 5) };
        var requests = GenerationRequest.Series(random.Next(2) == 0 ? "a red apple" : "two cats on a blue background", (ulong)random.Next(), random.Next(1, 4)).ToArray();
        switch (random.Next(8))
        {
            case 0:
                foreach (var image in model.GenerateBatch(requests, options))
                    image.Dispose();
                break;
            case 1:
                Cancel(model, requests, options, steps: random.Next(200));
                break;
            case 2:
                // Most are never asked for.
                model.GenerateCandidates(requests[0], options).First().Dispose();
                break;
            case 3:
                model.Dispose();
                model = DalleModel.LoadDefault();
                break;
            case 4:
                DisposeInTheMiddle(requests, options);
                break;
            case 5:
                Transcode(model, requests[0]);
                break;
            case 6:
                RunPipeline(model, requests[0]);
                break;
            case 7:
                if (Picture(model) != _expected)
                    throw new InvalidOperationException("The same seed gave another picture.");
                break;
        }
    }

    private static void Cancel(DalleModel model, GenerationRequest[] requests, GenerationOptions options, int steps)
    {
        using var cancellation = new CancellationTokenSource();
        try
        {
            foreach (var image in model.GenerateBatch(requests, options, new Countdown(steps, cancellation), cancellation.Token))
                image.Dispose();
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static void DisposeInTheMiddle(GenerationRequest[] requests, GenerationOptions options)
    {
        using var other = DalleModel.LoadDefault();
        foreach (var image in other.GenerateBatch(requests, options))
        {
            image.Dispose();
            other.Dispose();
        }
    }

    private static void Transcode(DalleModel model, GenerationRequest request)
    {
        using var image = model.Generate(request.Prompt, request.Seed, new() { Candidates = 1 });
        using var file = new ImageReader().Read(image.Image.ToPng());
        using var decoded = model.DecodeTokens(model.EncodeImage(file));
        _ = model.Score(request.Prompt, decoded);
    }

    private static void RunPipeline(DalleModel model, GenerationRequest request)
    {
        var ml = new MLContext();
        var prompts = ml.Data.LoadFromEnumerable([new { request.Prompt }, new { request.Prompt }]);
        var options = new DalleGenerateEstimator.Options { InputColumnName = "Prompt", Model = model, Seed = request.Seed, Generation = new() { Candidates = 1 } };
        using var transformer = ml.Transforms.DalleGenerate(options).Fit(prompts);
        foreach (var image in transformer.Transform(prompts).GetColumn<MLImage>(options.OutputColumnName))
            image.Dispose();
    }

    private static string Picture(DalleModel model)
    {
        using var image = model.Generate("a panda wearing a crown", seed: 7, new() { Candidates = 2 });
        return Convert.ToHexString(image.Image.Pixels);
    }

    private sealed class Countdown(int steps, CancellationTokenSource cancellation) : IProgress<GenerationProgress>
    {
        private int _left = steps;

        public void Report(GenerationProgress value)
        {
            if (_left-- == 0)
                cancellation.Cancel();
        }
    }
}
