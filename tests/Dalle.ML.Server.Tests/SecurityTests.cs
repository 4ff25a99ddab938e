using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace Dalle.ML.Server.Tests;

public sealed class SecurityTests
{
    [Fact]
    public async Task Keys_are_asked_for()
    {
        await using var site = await Site.StartAsync(options => options.ApiKeys.Add("right"));
        foreach (var header in new[] { null, "Bearer wrong", "Bearer ", "Basic right", "right" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            request.Headers.TryAddWithoutValidation("Authorization", header);
            var response = await site.Client.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Contains("invalid_api_key", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.Single().Scheme);
        }
        site.Client.DefaultRequestHeaders.Authorization = new("Bearer", "right");
        Assert.Equal(HttpStatusCode.OK, (await site.Client.GetAsync("/v1/models")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await site.Client.GetAsync("/healthz")).StatusCode);
    }

    [Fact]
    public async Task Pages_of_other_sites_are_refused()
    {
        await using var site = await Site.StartAsync();
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync("https://evil.example"));
        Assert.Equal(HttpStatusCode.Forbidden, await StatusAsync("null"));
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(site.Address.GetLeftPart(UriPartial.Authority)));

        async Task<HttpStatusCode> StatusAsync(string origin)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            request.Headers.TryAddWithoutValidation("Origin", origin);
            var response = await site.Client.SendAsync(request);
            Assert.False(response.Headers.Contains("Access-Control-Allow-Origin"));
            return response.StatusCode;
        }
    }

    [Fact]
    public async Task Answers_have_security_headers()
    {
        await using var site = await Site.StartAsync();
        var headers = (await site.Client.GetAsync("/v1/models")).Headers;
        Assert.Equal("nosniff", headers.GetValues("X-Content-Type-Options").Single());
        Assert.StartsWith("default-src 'none'", headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Uploads_are_limited_in_bytes_and_pixels()
    {
        await using var site = await Site.StartAsync(options => (options.MaxUploadBytes, options.MaxUploadPixels) = (100_000, 1000));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, await EditAsync(new byte[200_000]));
        using var image = site.Model.Generate("a cat", 1, new() { Candidates = 1 });
        Assert.Equal(HttpStatusCode.BadRequest, await EditAsync(image.Image.ToPng()));

        async Task<HttpStatusCode> EditAsync(byte[] file)
        {
            using var form = new MultipartFormDataContent { { new StringContent("a cat"), "prompt" }, { new ByteArrayContent(file), "image", "image.png" } };
            return (await site.Client.PostAsync("/v1/images/edits", form)).StatusCode;
        }
    }

    [Fact]
    public async Task A_client_that_asks_too_often_is_told_when_to_come_again_and_others_are_not_kept()
    {
        await using var site = await Site.StartAsync(options =>
        {
            options.RequestsPerMinute = 1;
            options.ApiKeys.Add("one");
            options.ApiKeys.Add("two");
        });
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("one")).StatusCode);
        var refused = await AskAsync("one");
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        Assert.Contains("rate_limit_exceeded", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await AskAsync("two")).StatusCode);

        // Keys are not tried without end; health is.
        Assert.Equal(HttpStatusCode.Unauthorized, (await AskAsync("wrong")).StatusCode);
        Assert.Equal(HttpStatusCode.TooManyRequests, (await AskAsync("wrong")).StatusCode);
        Assert.Equal("Healthy", await site.Client.GetStringAsync("/healthz"));
        Assert.Equal("Healthy", await site.Client.GetStringAsync("/readyz"));

        Task<HttpResponseMessage> AskAsync(string key)
        {
            var request = new HttpRequestMessage(HttpMethod.Get, "/v1/models");
            request.Headers.Authorization = new("Bearer", key);
            return site.Client.SendAsync(request);
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Prompts_are_logged_only_when_that_is_asked_for(bool isAsked)
    {
        using var log = new LinesLog();
        await using (var site = await Site.StartAsync(options => options.LogPrompts = isAsked, log: log))
        {
            await site.PostAsync("/v1/images/generations", new { prompt = "a very\nprivate cat", candidates = 1 });
            await site.PostAsync("/v1/images/generations", new { prompt = "a very private cat", n = 0 });
        }
        Assert.NotEmpty(log.Lines);
        Assert.Equal(isAsked, log.Lines.Any(line => line.Contains("private cat", StringComparison.Ordinal)));
        Assert.DoesNotContain(log.Lines, line => line.Contains("very\n", StringComparison.Ordinal));
    }

    [Fact]
    public void Stored_images_end_after_their_time_and_make_room()
    {
        var clock = new FakeTimeProvider();
        var store = new Api.ImageStore(Options.Create(new DalleServerOptions { MaxStoredBytes = 250, StoredImageLifetime = TimeSpan.FromMinutes(5) }), clock);
        var names = Enumerable.Range(0, 3).Select(_ => store.Add(new byte[100], Api.EncodedFormat.Png)).ToArray();
        Assert.Null(store.Find(names[0]));
        Assert.Equal(100, store.Find(names[1])!.Value.Data.Length);
        clock.Advance(TimeSpan.FromMinutes(4));
        Assert.NotNull(store.Find(names[2]));
        clock.Advance(TimeSpan.FromMinutes(1));
        Assert.Null(store.Find(names[2]));
        Assert.Equal(3, names.Distinct().Count());
    }

    [Fact]
    public async Task Options_that_no_request_could_meet_stop_the_start()
    {
        var error = await Assert.ThrowsAsync<OptionsValidationException>(() => Site.StartAsync(options => (options.MaxPendingImages, options.MaxCandidates, options.RequestsPerMinute) = (5, 0, 0)));
        Assert.Contains("RequestsPerMinute", error.Message, StringComparison.Ordinal);
        Assert.Contains("MaxCandidates", error.Message, StringComparison.Ordinal);
        Assert.Contains("would never fit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mapping_without_the_services_says_what_to_call()
    {
        var app = WebApplication.CreateSlimBuilder().Build();
        Assert.Contains("AddDalleServer", Assert.Throws<InvalidOperationException>(() => app.MapDalle()).Message, StringComparison.Ordinal);
    }

    /// <summary>Keeps the lines of a log, of all categories but the framework's traces of requests.</summary>
    private sealed class LinesLog : ILoggerProvider, ILogger
    {
        private readonly Lock _lock = new();
        private readonly List<string> _lines = [];

        public IReadOnlyList<string> Lines
        {
            get
            {
                lock (_lock)
                    return [.. _lines];
            }
        }

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lock)
                _lines.Add(formatter(state, exception));
        }

        public void Dispose()
        {
        }
    }
}
