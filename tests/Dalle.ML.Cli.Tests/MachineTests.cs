using System.Text.Json;

namespace Dalle.ML.Cli.Tests;

/// <summary><c>doctor</c> and <c>bench</c>.</summary>
public sealed class MachineTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_machine_that_runs_the_builtin_model_passes()
    {
        var text = await DoctorAsync(limit: false);
        Assert.Equal((0, ""), (text.ExitCode, text.Errors));
        Assert.Contains(text.Output, line => line.StartsWith("ok ", StringComparison.Ordinal) && line.Contains("tokens/s", StringComparison.Ordinal));
        Assert.Contains("verdict", text.Output[^1], StringComparison.Ordinal);

        var report = (await DoctorAsync(limit: false, "--json")).Json.Single();
        Assert.True(report.GetProperty("ok").GetBoolean());
        var checks = Checks(report);
        foreach (var name in new[] { "system", "cores", "memory", ".NET", "ML.NET", "model", "self-test", "telemetry", "device cpu", "device cuda:0" })
            Assert.NotEqual("fail", checks[name].State);
        Assert.Equal(("ok", "off"), checks["telemetry"]);
    }

    [Fact]
    public async Task A_self_test_beyond_its_limit_is_cut_off_and_noted()
    {
        var report = (await DoctorAsync(limit: true, "--json")).Json.Single();
        var (state, detail) = Checks(report)["self-test"];
        Assert.Equal(("note", true), (state, report.GetProperty("ok").GetBoolean()));
        Assert.Contains("'dalle bench' measures it", detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_requested_and_does_not_work_is_a_failure()
    {
        var broken = await Run("doctor", "-m", "no-such-model", "--json");
        Assert.Equal((1, ""), (broken.ExitCode, broken.Errors));
        Assert.Contains("no-such-model", Checks(broken.Json.Single())["self-test"].Detail, StringComparison.Ordinal);
        if (File.Exists("/dev/nvidia0"))
            Assert.Skip("This machine has a CUDA device.");
        var gpu = await Run("doctor", "--device", "cuda:1", "--json");
        Assert.Equal(1, gpu.ExitCode);
        Assert.Equal("fail", Checks(gpu.Json.Single())["device cuda:1"].State);
    }

    [Fact]
    public async Task Bench_gives_medians()
    {
        var run = await Run("bench", "--seconds", "2", "--json");
        Assert.Equal(0, run.ExitCode);
        var report = run.Json.Single();
        // That there was no time for all is said, and nothing else.
        var isCut = report.GetProperty("rounds").GetInt32() == 0;
        Assert.Equal(isCut ? "dalle: --seconds 2 ended the first round before its end: what comes later in it is not measured. Raise it." : "", run.Errors.TrimEnd());
        Assert.Equal(("emoji-128", "cpu"), (report.GetProperty("model").GetString(), report.GetProperty("device").GetString()));
        var first = report.GetProperty("measurements")[0];
        Assert.Equal(("load and verify", "ms"), (first.GetProperty("name").GetString(), first.GetProperty("unit").GetString()));
        Assert.True(first.GetProperty("median").GetDouble() > 0);
        Assert.InRange(first.GetProperty("samples").GetInt32(), 1, 5);

        var refused = await Run("bench", "--seconds", "0");
        Assert.Equal(2, refused.ExitCode);
        Assert.Contains("--seconds must be a whole number from 1 to 3600.", refused.Errors, StringComparison.Ordinal);
    }

    /// <summary>Runs doctor on a clock that has passed the self-test's limit at once, or never does, however busy the machine is.</summary>
    private Task<Tool> DoctorAsync(bool limit, params string[] arguments) =>
        Tool.RunAsync(_folder.Path, ["doctor", .. arguments], clock: new TimerClock(limit));

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    /// <summary>A clock whose timers are due at once, before anything else happens, or never.</summary>
    private sealed class TimerClock(bool isDue) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (isDue)
                callback(state);
            return base.CreateTimer(callback, state, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private static Dictionary<string, (string State, string Detail)> Checks(JsonElement report) => report.GetProperty("checks").EnumerateArray()
        .GroupBy(check => check.GetProperty("name").GetString()!)
        .ToDictionary(group => group.Key, group => (group.Last().GetProperty("state").GetString()!, group.Last().GetProperty("detail").GetString()!));
}
