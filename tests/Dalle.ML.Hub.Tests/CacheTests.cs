namespace Dalle.ML.Hub.Tests;

/// <summary>The cache of the hub's own tools is used from where it is, and the environment variables that they know are honoured.</summary>
public sealed class CacheTests : HubTest
{
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task Files_of_the_cache_are_used_and_not_duplicated(bool isLinked, bool isOffline)
    {
        Assert.SkipWhen(isLinked && OperatingSystem.IsWindows(), "Windows makes links only for administrators and developers.");
        FillCache(isLinked);
        var before = Cached();
        if (isOffline)
            Environment["HF_HUB_OFFLINE"] = "1";
        var folder = await PullAsync(Mini, Options with { KeepCheckpoint = true });
        Assert.Equal(Exported(), FilesOf(folder));
        Assert.Empty(Server.Downloads);
        if (isOffline)
            Assert.Empty(Server.Requests);
        Assert.Equal(before, Cached());
        if (!OperatingSystem.IsWindows())
        {
            Assert.All(MiniFiles, file => Assert.StartsWith(
                CacheFolder, new FileInfo(Path.Combine(Models, ".pull", Mini, "checkpoint", file.Path)).LinkTarget, StringComparison.Ordinal));
        }

        DalleHub.Remove(Mini, Options);
        Assert.Equal(before, Cached());
    }

    [Fact]
    public async Task A_file_of_another_commit_in_the_cache_is_found_by_its_hash()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows makes links only for administrators and developers.");
        FillCache(isLinked: true, HubServer.OtherCommit);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Empty(Server.Downloads);
    }

    [Fact]
    public async Task A_damaged_file_of_the_cache_is_not_used()
    {
        FillCache(isLinked: false);
        var damaged = Path.Combine(Repository, "snapshots", HubServer.Commit, "encoder_mini.pt");
        var content = await File.ReadAllBytesAsync(damaged);
        content[^1] ^= 1;
        await File.WriteAllBytesAsync(damaged, content);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains($"'{damaged}' is not used", Reports.Remarks, StringComparison.Ordinal);
        Assert.Equal(content, await File.ReadAllBytesAsync(damaged));
    }

    [Theory]
    [InlineData("HF_HUB_CACHE", "elsewhere")]
    [InlineData("HUGGINGFACE_HUB_CACHE", "elsewhere")]
    [InlineData("HF_HOME", "home-of-the-hub")]
    public async Task The_cache_is_where_its_variables_say(string variable, string folder)
    {
        FillCache(isLinked: false);
        Environment[variable] = In(folder);
        if (variable == "HF_HOME")
            Directory.CreateDirectory(In(folder));
        Directory.Move(CacheFolder, variable == "HF_HOME" ? Path.Combine(In(folder), "hub") : In(folder));
        Environment["HF_HUB_OFFLINE"] = "1";
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
    }

    [Theory]
    [InlineData("HF_HUB_OFFLINE", "1")]
    [InlineData("HF_HUB_OFFLINE", "true")]
    [InlineData("TRANSFORMERS_OFFLINE", "yes")]
    public async Task Offline_means_no_request_at_all(string variable, string value)
    {
        Environment[variable] = value;
        foreach (var model in new[] { Mini, Dvae })
        {
            var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(model));
            Assert.Contains("HF_HUB_OFFLINE", error.Message, StringComparison.Ordinal);
        }
        Assert.Empty(Server.Requests);
    }

    [Fact]
    public async Task A_pull_that_was_begun_is_not_finished_offline()
    {
        await InterruptAsync(Mini);
        Server.Requests.Clear();
        Environment["HF_HUB_OFFLINE"] = "1";
        await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Empty(Server.Requests);
        Environment.Remove("HF_HUB_OFFLINE");
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
    }

    [Fact]
    public async Task An_endpoint_that_is_no_address_is_named()
    {
        Environment["HF_ENDPOINT"] = "hf-mirror.com";
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("HF_ENDPOINT is 'hf-mirror.com'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_mirror_may_lie_below_a_path()
    {
        Environment["HF_ENDPOINT"] = $"{Server.Hub}mirror/";
        Server.Intercept = context =>
        {
            if (context.Request.Path.StartsWithSegments("/mirror", out var rest))
                context.Request.Path = rest;
            return Task.FromResult(false);
        };
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.All(Server.Requests.Where(request => request.Host == Server.Hub.Authority), request => Assert.StartsWith("/mirror/", request.Path, StringComparison.Ordinal));
    }

    [Fact]
    public void The_token_is_found_where_the_hubs_tools_keep_it()
    {
        Environment.Remove("HF_ENDPOINT");
        Assert.Null(Token());
        Directory.CreateDirectory(In("home/.cache/huggingface"));
        File.WriteAllText(In("home/.cache/huggingface/token"), "of-the-file\n");
        Assert.Equal("of-the-file", Token());
        Environment["HUGGING_FACE_HUB_TOKEN"] = "older";
        Assert.Equal("older", Token());
        Environment["HF_TOKEN"] = " newer ";
        Assert.Equal("newer", Token());
        Environment["HF_HUB_DISABLE_IMPLICIT_TOKEN"] = "1";
        Assert.Null(Token());
        Assert.Equal("given", new HuggingFace.HubEnvironment(Options with { Token = "given" }).Token);
    }

    [Theory]
    [InlineData("https://huggingface.co", true)]
    [InlineData("https://huggingface.co/", true)]
    [InlineData("http://huggingface.co", false)]
    [InlineData("https://huggingface.co:8443", false)]
    [InlineData("https://huggingface.co.mirror.invalid", false)]
    public void Only_the_hub_itself_gets_the_users_own_token(string endpoint, bool isSent)
    {
        Environment["HF_ENDPOINT"] = endpoint;
        Environment["HF_TOKEN"] = "own";
        Assert.Equal(isSent ? "own" : null, Token());
    }

    private string Repository => Path.Combine(CacheFolder, "models--" + HubRepository.Replace("/", "--", StringComparison.Ordinal));

    private string? Token() => new HuggingFace.HubEnvironment(Options).Token;

    private string[] Cached() => [.. Directory.EnumerateFiles(CacheFolder, "*", SearchOption.AllDirectories).Order()];

    /// <summary>Writes the cache as the hub's tools do: with links to blobs, or where links are not allowed with the files themselves.</summary>
    private void FillCache(bool isLinked, string commit = HubServer.Commit)
    {
        foreach (var folder in new[] { "refs", "blobs", $"snapshots/{commit}" })
            Directory.CreateDirectory(Path.Combine(Repository, folder));
        File.WriteAllText(Path.Combine(Repository, "refs", "main"), commit);
        foreach (var (_, path, content) in MiniFiles)
        {
            var (blob, snapshot) = ($"blobs/{HubServer.ETag(content)}", Path.Combine(Repository, "snapshots", commit, path));
            File.WriteAllBytes(isLinked ? Path.Combine(Repository, blob) : snapshot, content);
            if (isLinked)
                File.CreateSymbolicLink(snapshot, Path.Combine("..", "..", blob));
        }
    }
}
