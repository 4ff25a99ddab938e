using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Dalle.ML.Benchmarks;

/// <summary>A process that generates one image, the best of some candidates: how soon it is there, and the memory that it takes.</summary>
internal static class OneImageProcess
{
    /// <summary>The argument by which this program is that process.</summary>
    public const string Argument = "--one-image";

    public static IEnumerable<Measurement> All { get; } = [Create("one image", candidates: 1), Create("best of 4", candidates: 4)];

    /// <summary>Generates the image and prints the milliseconds until its first token, and the greatest working set in bytes.</summary>
    public static int Run(string candidates)
    {
        using var process = Process.GetCurrentProcess();
        var first = new FirstToken(process.StartTime);
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate(BuiltInModel.Prompt, seed: 1, new GenerationOptions { Candidates = int.Parse(candidates, CultureInfo.InvariantCulture) }, first);
        process.Refresh();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{first.Milliseconds:F0} {process.PeakWorkingSet64}"));
        return 0;
    }

    private static Measurement Create(string name, int candidates)
    {
        var (firstTokens, peaks) = (new List<double>(), new List<double>());
        return new Measurement($"process: {name}, start to end", "ms", () =>
        {
            var start = Stopwatch.GetTimestamp();
            var numbers = Run(candidates).Split(' ').Select(number => double.Parse(number, CultureInfo.InvariantCulture)).ToArray();
            firstTokens.Add(numbers[0]);
            peaks.Add(numbers[1]);
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        })
        {
            Figures = (_, _) =>
            {
                const int Mebibyte = 1 << 20;
                var (first, peak) = (Results.Median(firstTokens), Results.Median(peaks));
                return
                [
                    new Figure("firstTokenMilliseconds", first, $"first token after {first:F0} ms"),
                    new Figure("peakWorkingSetBytes", peak, $"peak working set {peak / Mebibyte:F0} MiB"),
                ];
            },
        };
    }

    private static string Run(int candidates)
    {
        var host = OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet";
        using var process = Process.Start(new ProcessStartInfo(
            Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", host),
            [typeof(OneImageProcess).Assembly.Location, Argument, candidates.ToString(CultureInfo.InvariantCulture)])
        {
            RedirectStandardOutput = true,
        })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        if (process.ExitCode != 0)
            throw new InvalidOperationException($"The process that generates one image ended with {process.ExitCode}.");
        return output;
    }

    private sealed class FirstToken(DateTime start) : IProgress<GenerationProgress>
    {
        public double Milliseconds { get; private set; }

        public void Report(GenerationProgress value)
        {
            if (value.Step == 1)
                Milliseconds = (DateTime.Now - start).TotalMilliseconds;
        }
    }
}
