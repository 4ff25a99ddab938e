using System.Globalization;
using Dalle.ML.Cli.Tests;

namespace Dalle.ML.Hub.Tests;

/// <summary>The tool as a user's process: the first three commands on a clean machine, a proxy, kills.</summary>
public sealed class ToolProcessTests : HubTest
{
    [Fact]
    public async Task A_newcomer_gets_a_picture_by_three_commands()
    {
        // A machine on which nothing is set but the place of the test's server.
        Environment["DALLE_MODELS"] = "";
        var models = await RunAsync("models");
        Assert.Equal(0, models.ExitCode);
        Assert.Contains(models.Output, line => line.StartsWith(Mini, StringComparison.Ordinal));

        var pull = await RunAsync("pull", Mini);
        Assert.True(pull.ExitCode == 0, pull.Errors);
        Assert.Equal(In($"home/.cache/dalle-ml/models/{Mini}"), Assert.Single(pull.Output));

        var generate = await RunAsync("generate", "-m", Mini, "an armchair in the shape of an avocado", "-o", "out");
        Assert.True(generate.ExitCode == 0, generate.Errors);
        using var model = DalleModel.Load(pull.Output[0]);
        using var image = Microsoft.ML.Data.MLImage.CreateFromFile(Assert.Single(generate.Output));
        Assert.Equal((model.Info.ImageWidth, model.Info.ImageHeight), (image.Width, image.Height));
    }

    [Fact]
    public async Task A_proxy_of_the_environment_is_used()
    {
        // The server answers for the hub that nobody else can reach; storage is reached without the proxy.
        Environment["HF_ENDPOINT"] = "http://hub.invalid";
        Environment["HTTP_PROXY"] = Environment["http_proxy"] = Server.Hub.AbsoluteUri;
        Environment["NO_PROXY"] = Environment["no_proxy"] = "127.0.0.1";
        var pull = await RunAsync("pull", Mini);
        Assert.True(pull.ExitCode == 0, pull.Errors);
        Assert.Equal(["hub.invalid", Server.Storage.Authority], Server.Requests.Select(request => request.Host).Distinct());
    }

    [Fact]
    public async Task Interrupted_by_the_user_it_keeps_what_it_has()
    {
        ToolProcess.SkipUnlessInterruptible();
        var isReached = new TaskCompletionSource();
        var mayGoOn = new TaskCompletionSource();
        Server.CutAfter(300_000, async () =>
        {
            await UntilSomeIsWrittenAsync();
            isReached.SetResult();
            await mayGoOn.Task;
        });
        using var process = ToolProcess.Start(In(""), ["pull", Mini], environment: Environment);
        await isReached.Task;
        var run = await ToolProcess.InterruptAsync(process);
        mayGoOn.SetResult();
        Assert.Equal(130, run.ExitCode);
        Assert.Contains(Leftovers(), file => file.EndsWith(".partial", StringComparison.Ordinal));
        Assert.Equal(0, (await RunAsync("pull", Mini)).ExitCode);
        Assert.Contains(Server.Downloads, request => request.Range is not null);
    }

    [Theory]
    [InlineData(1, 5)]
    public Task Kills_and_cuts_at_random_bytes_end_with_the_right_bundle(int seed, int breaks) => BreakAsync(seed, breaks);

    [Theory]
    [Trait("Category", "Slow")]
    [InlineData(2, 100)]
    public Task A_hundred_kills_and_cuts_at_random_bytes_end_with_the_right_bundle(int seed, int breaks) => BreakAsync(seed, breaks);

    /// <summary>Pulls again and again, each time killed or cut off somewhere, until there were so many breaks; and each bundle that comes of it is right.</summary>
    private async Task BreakAsync(int seed, int breaks)
    {
        var random = new Random(seed);
        var expected = Exported().ToArray();
        var (broken, pulled) = (0, 0);
        while (broken < breaks || !Directory.Exists(Path.Combine(Models, Mini)))
        {
            if (Directory.Exists(Path.Combine(Models, Mini)))
                DalleHub.Remove(Mini, Options);
            var isKilled = random.Next(2) == 0;
            // As often as bytes of files are there ends come while the tool verifies or exports.
            var isKilledAtExport = random.Next(8) == 0;
            var bytes = random.Next(1, 1_500_000);
            using var process = ToolProcess.Start(In(""), ["pull", Mini], environment: Environment);
            Server.CutAfter(bytes, () =>
            {
                broken++;
                if (isKilled)
                    process.Kill();
                return Task.CompletedTask;
            });
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = new List<string>();
            while (await process.StandardError.ReadLineAsync() is { } line)
            {
                errors.Add(line);
                if (!isKilledAtExport || !line.EndsWith(": exporting", StringComparison.Ordinal))
                    continue;
                process.Kill();
                broken++;
            }
            await process.WaitForExitAsync();
            await output;
            Server.NeverCut();
            var log = string.Create(CultureInfo.InvariantCulture, $"seed {seed}, {broken} breaks, exit code {process.ExitCode}:\n{string.Join('\n', errors)}");
            // Killed, unless it was done before the signal came.
            Assert.True(process.ExitCode is 0 or (128 + 9), log);
            if (!Directory.Exists(Path.Combine(Models, Mini)))
                continue;
            Assert.True(expected.SequenceEqual(FilesOf(Path.Combine(Models, Mini))), log);
            pulled++;
        }
        Assert.InRange(pulled, 1, broken + 1);
        Assert.Equal(0, (await RunAsync("verify", Mini)).ExitCode);
    }

    private Task<Tool> RunAsync(params string[] arguments) => ToolProcess.RunAsync(In(""), arguments, environment: Environment);
}
