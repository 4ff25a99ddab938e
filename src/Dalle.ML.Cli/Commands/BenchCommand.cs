using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle bench</c>: measures the speed of a model on this machine.</summary>
internal static class BenchCommand
{
    private static readonly Option<int> Seconds = new Option<int>("--seconds") { HelpName = "n", Description = "Time limit in seconds.", DefaultValueFactory = _ => 30 }
        .MustBeNumber(1, 3600);

    public static Command Create()
    {
        var command = new ToolCommand("bench", "Measure the speed of a model on this machine: medians of a few rounds.",
        [
            "dalle bench",
            "dalle bench -m ./my-model --device cuda --seconds 120",
            "dalle bench --json > bench.json",
        ])
        {
            Seconds, ModelOptions.All, Results.Json,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var seconds = parsed.GetValue(Seconds);
        var (path, device) = (ModelOptions.PathOf(parsed), ModelOptions.DeviceOf(parsed));
        var bench = ModelBench.Run(path, device, TimeSpan.FromSeconds(seconds), cancellationToken);
        if (bench.Medians.Count == 0)
            throw new UsageException($"--seconds {seconds} is too short for a measurement on this machine. Raise it.");
        if (bench.Rounds == 0)
            Results.Remark(parsed, $"--seconds {seconds} ended the first round before its end: what comes later in it is not measured. Raise it.");
        if (parsed.GetValue(Results.Json))
            Results.WriteJson(parsed, new { bench.Model, bench.Hash, Device = device.ToString(), bench.Rounds, Measurements = bench.Medians });
        else
        {
            Results.WriteTable(parsed, [
                .. bench.Medians.Select(median => new[] { median.Name, Number(median.Median), median.Unit }),
                ["whole rounds", bench.Rounds.ToString(CultureInfo.InvariantCulture), $"of '{bench.Model}' on {device}"],
            ]);
        }
        return CommandLine.Success;
    }

    private static string Number(double value) => value.ToString(value < 100 ? "F2" : "F0", CultureInfo.InvariantCulture);
}
