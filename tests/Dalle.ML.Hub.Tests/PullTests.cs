using System.Text.Json;

namespace Dalle.ML.Hub.Tests;

public sealed class PullTests : HubTest
{
    [Fact]
    public async Task A_pulled_model_is_the_exported_one_and_says_where_it_is_from()
    {
        var folder = await PullAsync(Mini);
        Assert.Equal(Path.Combine(Models, Mini), folder);
        Assert.Equal(Exported(), FilesOf(folder));
        using var model = DalleModel.Load(folder);
        Assert.Equal((Mini, "MIT", $"hf://{HubRepository}@{HubServer.Commit}"), (model.Info.Name, model.Info.License, model.Info.Provenance));
        Assert.Empty(Leftovers());
        var record = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "pull.json"))).RootElement.GetProperty("files").EnumerateArray().ToArray();
        Assert.Equal(MiniFiles.Select(file => $"hf://{HubRepository}@{HubServer.Commit}/{file.HubPath}"), record.Select(file => file.GetProperty("source").GetString()));
    }

    [Fact]
    public async Task Plain_addresses_are_pulled_too()
    {
        var folder = await PullAsync(Dvae);
        using var model = DalleModel.Load(folder);
        Assert.True(model.Info is { CanEncode: true, CanDecode: true, ImageWidth: 64 });
        Assert.All(Server.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task A_plain_http_address_needs_a_hash()
    {
        WriteCatalog(DvaeModel(isHashed: false));
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Dvae));
        Assert.Contains("an http:// URL with the file's SHA-256", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_are_reported_one_by_one_and_the_whole_first()
    {
        await PullAsync(Mini);
        var reports = Reports.All.ToArray();
        Assert.Equal((PullStage.Planned, MiniFiles.Sum(file => file.Content.Length)), (reports[0].Stage, reports[0].Size));
        Assert.Contains(HubRepository, reports[0].Remark, StringComparison.Ordinal);
        Assert.Equal(MiniFiles.Select(file => file.Path), reports.Where(report => report.Stage == PullStage.Verified).Select(report => report.File));
        Assert.All(reports.Where(report => report.Stage == PullStage.Verified), report => Assert.Equal(report.Size, report.Bytes));
        Assert.Equal(PullStage.Exporting, reports[^1].Stage);
        Assert.Contains(reports, report => report.Stage == PullStage.Exporting && report.Remark?.Contains("is assumed to be", StringComparison.Ordinal) == true);
    }

    [Fact]
    public async Task A_model_that_is_there_needs_no_network()
    {
        await PullAsync(Mini);
        Server.Requests.Clear();
        Environment["HF_HUB_OFFLINE"] = "1";
        Assert.Equal(Path.Combine(Models, Mini), await PullAsync(Mini));
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task The_checkpoint_is_kept_on_request_and_removed_with_the_model()
    {
        var folder = await PullAsync(Mini, Options with { KeepCheckpoint = true });
        Assert.All(MiniFiles, file => Assert.Equal(file.Content, File.ReadAllBytes(Path.Combine(Models, ".pull", Mini, "checkpoint", file.Path))));

        Assert.Equal([folder, Path.Combine(Models, ".pull", Mini)], DalleHub.Remove(Mini, Options));
        Assert.Empty(Directory.EnumerateFiles(Models, "*", SearchOption.AllDirectories));
        Assert.Empty(DalleHub.Remove(Mini, Options));
    }

    [Fact]
    public void A_model_that_was_not_pulled_is_not_removed()
    {
        Directory.CreateDirectory(Path.Combine(Models, "own"));
        File.WriteAllText(Path.Combine(Models, "own", "dalle.json"), "{}");
        Assert.Throws<DalleHubException>(() => DalleHub.Remove("own", Options));
        Assert.True(File.Exists(Path.Combine(Models, "own", "dalle.json")));
    }

    [Theory]
    [InlineData("..")]
    [InlineData("../models")]
    [InlineData(".pull")]
    [InlineData("a/b")]
    [InlineData("")]
    public void Only_a_name_can_be_removed(string name)
    {
        Directory.CreateDirectory(Path.Combine(Models, "a", "b"));
        Assert.Throws<DalleHubException>(() => DalleHub.Remove(name, Options));
        Assert.True(Directory.Exists(Path.Combine(Models, "a", "b")));
    }

    [Fact]
    public async Task A_folder_that_is_not_a_model_is_not_touched()
    {
        Directory.CreateDirectory(Path.Combine(Models, Mini));
        File.WriteAllText(Path.Combine(Models, Mini, "notes.txt"), "mine");
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("is not a model", error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task A_licence_that_restricts_use_must_be_accepted_first()
    {
        WriteCatalog(MiniModel() with { RequiresAcceptance = true });
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        foreach (var words in new[] { "MIT", "https://licenses.invalid/mit", "--accept-license" })
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Requests);
        Assert.True(Directory.Exists(await PullAsync(Mini, Options with { AcceptLicense = true })));
    }

    [Fact]
    public async Task Space_for_everything_is_checked_before_the_first_file()
    {
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini, Options with { FreeSpace = _ => MiniFiles.Sum(file => file.Content.Length) }));
        Assert.Contains("11.6 MB", error.Message, StringComparison.Ordinal);
        Assert.Contains("5.81 MB to download", error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Downloads);
    }

    [Fact]
    public async Task Two_pulls_of_one_model_do_not_meet()
    {
        var (isReached, mayGoOn) = (new TaskCompletionSource(), new TaskCompletionSource());
        Server.CutAfter(1000, async () =>
        {
            isReached.SetResult();
            await mayGoOn.Task;
        });
        var first = PullAsync(Mini);
        await isReached.Task;
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("another process", error.Message, StringComparison.Ordinal);
        mayGoOn.SetResult();
        Assert.Equal(Exported(), FilesOf(await first));
    }

    [Fact]
    public async Task Remains_of_a_killed_export_are_cleared_away()
    {
        foreach (var left in new[] { "bundle", "bundle.0123.partial" })
        {
            Directory.CreateDirectory(Path.Combine(Models, ".pull", Mini, left));
            File.WriteAllText(Path.Combine(Models, ".pull", Mini, left, "decoder.onnx"), "half");
        }
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Empty(Leftovers());
    }

    [Fact]
    public async Task A_cancelled_pull_stops_and_keeps_what_it_has()
    {
        await InterruptAsync(Mini);
        Assert.False(Directory.Exists(Path.Combine(Models, Mini)));
        Assert.Contains(Leftovers(), file => file.EndsWith(".partial", StringComparison.Ordinal));

        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains(Server.Downloads, request => request.Range is not null);
    }
}
