using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Time.Testing;

namespace Dalle.ML.Hub.Tests;

/// <summary>The hub's protocol: the token, redirects, refusals, limits of rates, silence.</summary>
public sealed class HubProtocolTests : HubTest
{
    private const string Secret = "hf_secret";

    [Fact]
    public async Task The_token_goes_to_the_hub_and_to_no_other_host()
    {
        await PullAsync(Mini, Options with { Token = Secret, KeepCheckpoint = true });
        var (hub, storage) = (Server.Requests.Where(IsOfHub).ToArray(), Server.Requests.Where(request => !IsOfHub(request)).ToArray());
        Assert.NotEmpty(storage);
        Assert.All(hub, request => Assert.Equal($"Bearer {Secret}", request.Authorization));
        Assert.All(storage, request => Assert.Null(request.Authorization));
        foreach (var file in Directory.EnumerateFiles(Models, "*.json", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain(Secret, await File.ReadAllTextAsync(file), StringComparison.Ordinal);
            Assert.DoesNotContain("signature", await File.ReadAllTextAsync(file), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Plain_addresses_get_no_token()
    {
        Environment["HF_ENDPOINT"] = Server.Storage.AbsoluteUri;
        await PullAsync(Dvae, Options with { Token = Secret });
        Assert.All(Server.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task A_mirror_does_not_get_the_users_own_token()
    {
        Environment["HF_TOKEN"] = Secret;
        await PullAsync(Mini);
        Assert.All(Server.Requests, request => Assert.Null(request.Authorization));
    }

    [Fact]
    public async Task A_renamed_repository_is_followed_with_the_token()
    {
        foreach (var (_, path, content) in MiniFiles)
            Server.Add("dalle/renamed", path, content);
        Server.Intercept = context =>
        {
            var path = context.Request.Path.Value!;
            var isOld = context.Request.Host.Port == Server.Hub.Port && path.StartsWith($"/{HubRepository}/", StringComparison.Ordinal);
            if (isOld)
            {
                context.Response.StatusCode = StatusCodes.Status307TemporaryRedirect;
                context.Response.Headers.Location = path.Replace(HubRepository, "dalle/renamed", StringComparison.Ordinal);
            }
            return Task.FromResult(isOld);
        };
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini, Options with { Token = Secret })));
        Assert.All(Server.Requests.Where(IsOfHub), request => Assert.Equal($"Bearer {Secret}", request.Authorization));
    }

    [Theory]
    [InlineData(401, "GatedRepo", "Accept the terms")]
    [InlineData(403, "GatedRepo", "HF_TOKEN")]
    [InlineData(401, "RepoNotFound", "does not exist, or needs a token")]
    [InlineData(401, null, "HF_TOKEN")]
    [InlineData(403, null, "access is denied")]
    [InlineData(404, "RevisionNotFound", "no such revision")]
    [InlineData(404, "EntryNotFound", "not there any more")]
    [InlineData(410, null, "not there any more")]
    [InlineData(418, null, "answers 418")]
    public async Task A_refusal_is_told_at_once_and_what_to_do(int status, string? code, string words)
    {
        Server.Intercept = context =>
        {
            context.Response.StatusCode = status;
            if (code is not null)
                context.Response.Headers["X-Error-Code"] = code;
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
        Assert.Contains($"{Server.Hub}{HubRepository}/resolve/main/encoder_mini.pt", error.Message, StringComparison.Ordinal);
        Assert.Single(Server.Requests);
        Assert.Empty(RetryClock.Waits);
    }

    [Theory]
    [InlineData("RateLimit", "\"resolvers\";r=0;t=55", 56)]
    [InlineData("Retry-After", "7", 7)]
    [InlineData("Retry-After", "Fri, 02 Jan 2026 00:01:30 GMT", 90)]
    public async Task A_server_that_limits_rates_is_waited_for(string header, string value, int seconds)
    {
        var options = Options with { Clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 2, 0, 0, 0, TimeSpan.Zero)) };
        AnswerOnce(429, header, value);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini, options)));
        Assert.Equal([TimeSpan.FromSeconds(seconds)], RetryClock.Waits);
        Assert.Contains($"Trying again in {seconds} s", Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_wait_of_more_than_minutes_is_left_to_the_user_and_nothing_is_lost()
    {
        var others = 0;
        Server.Intercept = context =>
        {
            var isThird = context.Request.Method == "GET" && IsHub(context) && Interlocked.Increment(ref others) == 3;
            if (isThird)
            {
                context.Response.StatusCode = 429;
                context.Response.Headers.RetryAfter = "3600";
            }
            return Task.FromResult(isThird);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("60 minutes", error.Message, StringComparison.Ordinal);
        Assert.Empty(RetryClock.Waits);

        Server.Requests.Clear();
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.DoesNotContain(Server.Downloads, request => request.Path.EndsWith("coder_mini.pt", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(408)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_failure_that_may_pass_is_tried_again(int status)
    {
        AnswerOnce(status);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Single(RetryClock.Waits);
        Assert.Contains($"answers {status}", Reports.Remarks, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_stays_broken_is_given_up_after_longer_and_longer_waits()
    {
        Server.Intercept = context =>
        {
            context.Response.StatusCode = 503;
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAnyAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("answers 503", error.Message, StringComparison.Ordinal);
        Assert.Equal((6, 7), (RetryClock.Waits.Count, Server.Requests.Count));
        Assert.All(RetryClock.Waits, wait => Assert.InRange(wait, TimeSpan.Zero, TimeSpan.FromMinutes(1)));
    }

    [Fact]
    public async Task An_address_that_has_expired_is_asked_for_again_and_never_shown()
    {
        var used = new HashSet<string>();
        Server.Intercept = context =>
        {
            // An address is good for one request, and the first is good for none.
            var isExpired = !IsHub(context) && (used.Count == 0) | !used.Add(context.Request.QueryString.Value!);
            if (isExpired)
                context.Response.StatusCode = 403;
            return Task.FromResult(isExpired);
        };
        Server.CutAfter(300_000, UntilSomeIsWrittenAsync);
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini)));
        Assert.Contains("answers 403", Reports.Remarks, StringComparison.Ordinal);
        Assert.DoesNotContain("signature", Reports.Remarks, StringComparison.Ordinal);
        Assert.Contains(Server.Downloads, request => !IsOfHub(request) && request.Range is not null);
    }

    [Fact]
    public async Task A_server_that_falls_silent_is_asked_again_where_it_stopped()
    {
        Environment["HF_HUB_DOWNLOAD_TIMEOUT"] = "5";
        var clock = new FakeTimeProvider();
        Server.CutAfter(300_000, async () =>
        {
            await UntilSomeIsWrittenAsync();
            while (!Reports.Remarks.Contains("was silent for 5 seconds", StringComparison.Ordinal))
            {
                clock.Advance(TimeSpan.FromSeconds(1));
                await Task.Delay(1);
            }
        });
        Assert.Equal(Exported(), FilesOf(await PullAsync(Mini, Options with { Clock = clock })));
        Assert.Contains("Going on at byte", Reports.Remarks, StringComparison.Ordinal);
        Assert.Contains(Server.Downloads, request => request.Range is not null);
    }

    [Fact]
    public async Task A_pull_that_waits_can_be_cancelled()
    {
        using var source = new CancellationTokenSource();
        AnswerOnce(503);
        var pull = PullAsync(Mini, Options with { RetryClock = new FakeTimeProvider() }, source.Token);
        while (!Reports.Remarks.Contains("Trying again", StringComparison.Ordinal))
            await Task.Delay(1);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pull);
    }

    [Theory]
    [InlineData("ftp://elsewhere.invalid/file", "not a secure address")]
    [InlineData("file:///etc/passwd", "not a secure address")]
    public async Task A_redirect_to_something_else_than_the_web_is_refused(string location, string words)
    {
        Server.Intercept = context =>
        {
            var isDownload = context.Request.Method == "GET";
            if (isDownload)
                context.Response.Redirect(location);
            return Task.FromResult(isDownload);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redirects_end_somewhere()
    {
        Server.Intercept = context =>
        {
            context.Response.Redirect(context.Request.Path);
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains("redirects more than 10 times", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("9000000000000000000")]
    [InlineData("-5")]
    public async Task A_size_that_cannot_be_is_refused(string size)
    {
        Server.Intercept = context =>
        {
            context.Response.Headers["X-Repo-Commit"] = HubServer.Commit;
            context.Response.Headers["X-Linked-Etag"] = $"\"{new string('0', 64)}\"";
            context.Response.Headers["X-Linked-Size"] = size;
            context.Response.Redirect(Server.Storage.AbsoluteUri);
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        Assert.Contains(size, error.Message, StringComparison.Ordinal);
        Assert.Empty(Server.Downloads);
    }

    [Fact]
    public async Task A_portal_that_answers_in_place_of_the_hub_is_named()
    {
        Server.Intercept = context =>
        {
            context.Response.ContentType = "text/html";
            return Task.FromResult(true);
        };
        var error = await Assert.ThrowsAsync<DalleHubException>(() => PullAsync(Mini));
        foreach (var words in new[] { "was not answered by a Hugging Face hub", "HTTPS_PROXY", "HF_ENDPOINT" })
            Assert.Contains(words, error.Message, StringComparison.Ordinal);
    }

    private bool IsOfHub(HubServer.Seen request) => request.Host == Server.Hub.Authority;

    private bool IsHub(HttpContext context) => context.Request.Host.Port == Server.Hub.Port;

    /// <summary>Answers the first request with a status.</summary>
    private void AnswerOnce(int status, string? header = null, string? value = null)
    {
        var count = 0;
        Server.Intercept = context =>
        {
            if (Interlocked.Increment(ref count) > 1)
                return Task.FromResult(false);
            context.Response.StatusCode = status;
            if (header is not null)
                context.Response.Headers[header] = value;
            return Task.FromResult(true);
        };
    }
}
