using Dalle.ML.Cli.Tests;

namespace Dalle.ML.Hub.Tests;

/// <summary>The commands of published models: <c>dalle models</c>, <c>pull</c> and <c>remove</c>; and names where folders go.</summary>
public sealed class CommandTests : HubTest
{
    [Fact]
    public async Task Models_lists_what_can_be_pulled_and_what_is_here()
    {
        WriteCatalog(MiniModel(), DvaeModel() with { RequiresAcceptance = true });
        await PullAsync(Mini);
        Directory.Move(Path.Combine(Models, Mini), Path.Combine(Models, "own"));
        await PullAsync(Mini);

        var table = await RunAsync("models");
        Assert.Equal((0, ""), (table.ExitCode, table.Errors));
        Assert.StartsWith("name", table.Output[0], StringComparison.Ordinal);
        Assert.Matches(@"^tiny-mini +5 kB|^tiny-mini +5\.00 kB", Line(Mini));
        Assert.Matches("MIT +here +Noise", Line(Mini));
        Assert.Contains("(must be accepted)", Line(Dvae), StringComparison.Ordinal);
        Assert.DoesNotContain("here", Line(Dvae), StringComparison.Ordinal);
        Assert.Matches("^own +MIT +here +Noise", Line("own"));

        var json = (await RunAsync("models", "--json")).Json.ToDictionary(model => model.GetProperty("name").GetString()!);
        Assert.Equal(table.Output.Length - 1, json.Count);
        Assert.True(json[Dvae].GetProperty("requiresAcceptance").GetBoolean());
        Assert.False(json[Dvae].TryGetProperty("path", out _));
        Assert.Equal(Path.Combine(Models, "own"), json["own"].GetProperty("path").GetString());
        Assert.False(json["own"].GetProperty("isPublished").GetBoolean());

        string Line(string name) => Assert.Single(table.Output, line => line.StartsWith(name + " ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_catalogue_can_be_given_by_its_path()
    {
        Environment.Remove("DALLE_CATALOG");
        Assert.Contains(Mini, string.Concat((await RunAsync("models", "--catalog", "catalog.json")).Output), StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("pull", Mini, "--catalog", "catalog.json", "-q")).ExitCode);
        var faulty = await RunAsync("models", "--catalog", "no-such.json");
        Assert.Equal(1, faulty.ExitCode);
        Assert.Contains(In("no-such.json"), faulty.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pull_prints_the_folder_and_tells_each_file()
    {
        var run = await RunAsync("pull", Mini);
        Assert.Equal((0, Path.Combine(Models, Mini)), (run.ExitCode, Assert.Single(run.Output)));
        Assert.Equal(Exported(), FilesOf(run.Output[0]));
        var lines = run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal($"dalle: {Mini}: 5.81 MB, 5 files from {HubRepository}; licence: MIT", lines[0]);
        Assert.Equal(MiniFiles.Select(file => $"dalle: {file.Path}: {ByteSize.Text(file.Content.Length)}, verified"), lines[1..6]);
        Assert.Equal($"dalle: {Mini}: exporting", lines[6]);
        // What the export had to assume comes last.
        Assert.NotEmpty(lines[7..]);
        Assert.All(lines[7..], line => Assert.Matches($"^dalle: {Mini}: .* is assumed to be ", line));

        var again = await RunAsync("pull", Mini, "--json");
        Assert.Equal((0, ""), (again.ExitCode, again.Errors));
        Assert.Equal((Mini, Path.Combine(Models, Mini)), (again.Json[0].GetProperty("name").GetString(), again.Json[0].GetProperty("bundle").GetString()));
    }

    [Fact]
    public async Task Pull_is_quiet_on_request_and_exports_with_a_precision()
    {
        var run = await RunAsync("pull", Mini, "--quiet", "--precision", "int8", "--keep-checkpoint");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using var model = DalleModel.Load(run.Output[0]);
        Assert.Equal("int8", model.Info.Precision, ignoreCase: true);
        Assert.All(MiniFiles, file => Assert.True(File.Exists(Path.Combine(Models, ".pull", Mini, "checkpoint", file.Path))));
    }

    [Fact]
    public async Task Pull_needs_a_restricting_licence_accepted()
    {
        WriteCatalog(MiniModel() with { RequiresAcceptance = true, License = "CC-BY-NC-SA-4.0" });
        var run = await RunAsync("pull", Mini);
        Assert.Equal((1, 0), (run.ExitCode, run.Output.Length));
        foreach (var words in new[] { "CC-BY-NC-SA-4.0", "https://licenses.invalid/mit", "--accept-license" })
            Assert.Contains(words, run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync("pull", Mini, "--accept-license")).ExitCode);
    }

    [Fact]
    public async Task Pull_of_an_unknown_name_suggests_one()
    {
        var run = await RunAsync("pull", "tiny-min");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Did you mean 'tiny-mini'?", run.Errors, StringComparison.Ordinal);
        Assert.Equal(2, (await RunAsync("pull")).ExitCode);
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task Remove_deletes_what_was_pulled_and_nothing_else()
    {
        await RunAsync("pull", Mini, "--keep-checkpoint", "-q");
        var run = await RunAsync("remove", Mini, "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal([Path.Combine(Models, Mini), Path.Combine(Models, ".pull", Mini)], run.Json.Select(line => line.GetProperty("removed").GetString()));
        Assert.False(Directory.Exists(Path.Combine(Models, Mini)));

        var again = await RunAsync("remove", Mini);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains($"nothing of '{Mini}'", again.Errors, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync("remove", "../models")).ExitCode);
        Assert.True(Directory.Exists(Models));
    }

    [Fact]
    public async Task A_name_goes_where_a_folder_goes()
    {
        var folder = await PullAsync(Mini);
        var byName = await RunAsync("generate", "a cat", "-m", Mini, "-o", "by-name", "--seed", "1");
        var byFolder = await RunAsync("generate", "a cat", "-m", folder, "-o", "by-folder", "--seed", "1");
        Assert.Equal((0, 0), (byName.ExitCode, byFolder.ExitCode));
        Assert.Equal(await File.ReadAllBytesAsync(byFolder.Output[0]), await File.ReadAllBytesAsync(byName.Output[0]));
        await PullAsync(Dvae);
        foreach (var arguments in new[] { new[] { "info", Mini }, ["verify", Mini, Dvae], ["reconstruct", byName.Output[0], "-m", Dvae, "-o", "again"] })
        {
            var run = await RunAsync(arguments);
            Assert.True(run.ExitCode == 0, $"{string.Join(' ', arguments)}: {run.Errors}");
        }
    }

    [Fact]
    public async Task A_published_name_that_was_not_pulled_says_how_to()
    {
        var run = await RunAsync("generate", "a cat", "-m", Mini, "-o", "out");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"Run 'dalle pull {Mini}' first", run.Errors, StringComparison.Ordinal);
        Assert.Contains("the folder does not exist", (await RunAsync("generate", "a cat", "-m", "no-such", "-o", "out")).Errors, StringComparison.Ordinal);
    }

    private Task<Tool> RunAsync(params string[] arguments) => Tool.RunAsync(In(""), arguments, environment: Environment);
}
