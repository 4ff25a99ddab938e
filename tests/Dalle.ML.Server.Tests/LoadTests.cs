using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net;
using Dalle.ML.Server.Scheduling;
using Microsoft.Extensions.DependencyInjection;

namespace Dalle.ML.Server.Tests;

/// <summary>Many clients at once. A gate holds the batches, so that nothing depends on time.</summary>
public sealed class LoadTests : IDisposable
{
    private readonly Gate _gate = new();

    public void Dispose() => _gate.Dispose();

    [Fact]
    public async Task Requests_that_wait_share_a_batch_and_get_the_images_of_the_library()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        var first = GenerateAsync(site, seed: 100);
        await _gate.ArrivalAsync();
        var others = Enumerable.Range(0, 6).Select(seed => GenerateAsync(site, seed)).ToArray();
        var other = GenerateAsync(site, seed: 50, temperature: 0.5);
        await PendingAsync(site, 8);
        _gate.Open();
        var images = await Task.WhenAll(others);
        Assert.Equal(Enumerable.Range(0, 6).Select(seed => Expected(site, seed)), images);
        Assert.Equal(Expected(site, 100), await first);
        await other;

        // Equal options only: the one of another temperature is alone.
        Assert.Equal([1, 1, 6], _gate.Batches.Select(batch => batch.Length).Order());
    }

    [Fact]
    public async Task A_full_queue_is_told_and_when_to_come_again()
    {
        await using var site = await Site.StartAsync(options => (options.MaxPendingImages, options.MaxImagesPerRequest) = (3, 3), _gate.Register);
        var waiting = Enumerable.Range(0, 3).Select(seed => GenerateAsync(site, seed)).ToArray();
        await PendingAsync(site, 3);
        var (refused, json) = await site.PostAsync("/v1/images/generations", new { prompt = "a cat" });
        Assert.Equal((HttpStatusCode.TooManyRequests, "queue_full"), (refused.StatusCode, json.GetProperty("error").GetProperty("code").GetString()));
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        _gate.Open();
        await Task.WhenAll(waiting);
        await GenerateAsync(site, seed: 9);
    }

    [Fact]
    public async Task A_client_that_leaves_frees_its_place_and_stops_its_work()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        using var leaving = new CancellationTokenSource();
        var running = site.Client.PostAsync("/v1/images/generations", Json("a cat"), leaving.Token);
        await _gate.ArrivalAsync();
        var waiting = Enumerable.Range(0, 5).Select(_ => site.Client.PostAsync("/v1/images/generations", Json("a dog"), leaving.Token)).ToArray();
        await PendingAsync(site, 6);
        await leaving.CancelAsync();
        await Task.WhenAll(waiting.Append(running).Select(request => Assert.ThrowsAnyAsync<OperationCanceledException>(() => request)));

        // The gate is still closed: only cancelling ends the batch in work.
        await PendingAsync(site, 0);
        Assert.Single(_gate.Batches);
        _gate.Open();
        await GenerateAsync(site, seed: 1);
    }

    [Fact]
    public async Task Two_hundred_clients_that_leave_in_the_middle_leave_nothing_behind()
    {
        await using var site = await Site.StartAsync(options => options.MaxPendingImages = 500, _gate.Register);
        using var leaving = new CancellationTokenSource();
        var requests = Enumerable.Range(0, 200).Select(_ => site.Client.PostAsync("/v1/images/generations", Json("a cat"), leaving.Token)).ToArray();
        var staying = GenerateAsync(site, seed: 5);
        await PendingAsync(site, 201);
        await leaving.CancelAsync();
        await Task.WhenAll(requests.Select(request => Assert.ThrowsAnyAsync<OperationCanceledException>(() => request)));
        _gate.Open();
        Assert.Equal(Expected(site, 5), await staying);
        await PendingAsync(site, 0);
    }

    [Fact]
    public async Task A_client_that_leaves_a_shared_batch_does_not_touch_the_others()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        var first = GenerateAsync(site, seed: 1);
        await _gate.ArrivalAsync();
        using var leaving = new CancellationTokenSource();
        var others = Enumerable.Range(10, 2).Select(seed => GenerateAsync(site, seed)).ToList();
        await PendingAsync(site, 3);
        var left = site.Client.PostAsync("/v1/images/generations", Json("a cat"), leaving.Token);
        await PendingAsync(site, 4);
        others.AddRange(Enumerable.Range(12, 2).Select(seed => GenerateAsync(site, seed)));
        await PendingAsync(site, 6);
        _gate.Open(1);
        await _gate.ArrivalAsync();
        await leaving.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left);
        _gate.Open();
        Assert.Equal(Enumerable.Range(10, 4).Select(seed => Expected(site, seed)), await Task.WhenAll(others));
        await first;
        await PendingAsync(site, 0);
        Assert.Equal([1, 5], _gate.Batches.Select(batch => batch.Length));
    }

    [Fact]
    public async Task A_client_of_many_images_does_not_keep_another_waiting()
    {
        await using var site = await Site.StartAsync(
            options =>
            {
                options.ApiKeys.Add("many");
                options.ApiKeys.Add("few");
                options.MaxBatchCandidates = 4;
            },
            _gate.Register);
        var many = Enumerable.Range(0, 3).Select(i => KeyedAsync(site, "many", n: 8, seed: (ulong)(1000 * i))).ToArray();
        await _gate.ArrivalAsync();
        await PendingAsync(site, 24);
        var few = KeyedAsync(site, "few", n: 1, seed: 77);
        await PendingAsync(site, 25);
        _gate.Open();
        await Task.WhenAll([.. many, few]);
        Assert.Contains(_gate.Batches[1], request => request.Seed == 77);
        Assert.All(_gate.Batches, batch => Assert.True(batch.Length <= 4));
    }

    [Fact]
    public async Task Many_candidates_are_generated_in_slices_and_the_best_is_the_librarys()
    {
        await using var site = await Site.StartAsync(options => options.MaxBatchCandidates = 4, _gate.Register);
        _gate.Open();
        var (_, json) = await site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed = 11, candidates = 10 });
        using var expected = site.Model.Generate("a cat", 11, new() { Candidates = 10 });
        var image = json.GetProperty("data")[0];
        Assert.Equal((expected.Candidate, expected.Score), (image.GetProperty("candidate").GetInt32(), image.GetProperty("score").GetSingle()));
        Assert.Equal(expected.Image.ToPng(), image.GetProperty("b64_json").GetBytesFromBase64());
        Assert.Equal(3, _gate.Batches.Count);
    }

    [Fact]
    public async Task One_image_that_fails_does_not_spoil_its_batch()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        _gate.Failure = batch => batch.Any(request => request.Seed == 13) ? new InvalidOperationException("secret detail") : null;
        var first = GenerateAsync(site, seed: 1);
        await _gate.ArrivalAsync();
        var good = GenerateAsync(site, seed: 2);
        var bad = site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed = 13, candidates = 1 });
        await PendingAsync(site, 3);
        _gate.Open();
        Assert.Equal(Expected(site, 2), await good);
        var (response, json) = await bad;
        Assert.Equal((HttpStatusCode.InternalServerError, "internal_error"), (response.StatusCode, json.GetProperty("error").GetProperty("code").GetString()));
        Assert.DoesNotContain("secret", json.ToString(), StringComparison.Ordinal);
        await first;
    }

    [Fact]
    public async Task A_server_that_stops_refuses_what_it_has_no_time_for()
    {
        var site = await Site.StartAsync(options => options.StopTimeout = TimeSpan.Zero, _gate.Register);
        var running = site.PostAsync("/v1/images/generations", new { prompt = "a cat" });
        await _gate.ArrivalAsync();
        var waiting = site.PostAsync("/v1/images/generations", new { prompt = "a dog" });
        await PendingAsync(site, 2);
        await site.App.StopAsync();
        foreach (var (response, json) in await Task.WhenAll(running, waiting))
            Assert.Equal((HttpStatusCode.ServiceUnavailable, "server_stopping"), (response.StatusCode, json.GetProperty("error").GetProperty("code").GetString()));
        await site.DisposeAsync();
    }

    [Fact]
    public async Task A_server_that_stops_finishes_what_it_has_accepted()
    {
        var site = await Site.StartAsync(options => options.StopTimeout = TimeSpan.FromMinutes(5), _gate.Register);
        var running = GenerateAsync(site, seed: 4);
        await _gate.ArrivalAsync();
        var stopping = site.App.StopAsync();
        _gate.Open();
        Assert.Equal(Expected(site.Model, 4), await running);
        await stopping;
        await site.DisposeAsync();
    }

    [Fact]
    public async Task Metrics_tell_of_batches_and_images()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        var meters = site.App.Services.GetRequiredService<IMeterFactory>();
        var seen = new Dictionary<string, double>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == DalleServer.TelemetryName && instrument.Meter.Scope == meters)
                    listening.EnableMeasurementEvents(instrument);
            },
        };
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.Start();
        _gate.Open();
        await site.PostAsync("/v1/images/generations", new { prompt = "a cat", n = 2, candidates = 3 });
        await site.PostAsync("/v1/images/generations", new { prompt = "" });
        await site.DisposeAsync();
        Assert.Equal((2, 2 * 3 * 64, 1), (seen["dalle.images"], seen["dalle.tokens"], seen["dalle.requests.refused"]));

        void Add(string name, double value)
        {
            lock (seen)
                seen[name] = seen.GetValueOrDefault(name) + value;
        }
    }

    [Fact]
    public async Task A_trace_leads_from_each_request_to_the_batch_that_it_shared()
    {
        await using var site = await Site.StartAsync(services: _gate.Register);
        var batches = new List<Activity>();
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name is DalleServer.TelemetryName or "Microsoft.AspNetCore",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = activity =>
            {
                lock (batches)
                    batches.AddRange(activity.OperationName == "dalle.batch" ? [activity] : []);
            },
        };
        ActivitySource.AddActivityListener(listener);
        var first = TracedAsync(site, seed: 1);
        await _gate.ArrivalAsync();
        var others = new[] { TracedAsync(site, seed: 2), TracedAsync(site, seed: 3) };
        await PendingAsync(site, 3);
        _gate.Open();
        ActivityTraceId[] traces = [await first, .. await Task.WhenAll(others)];
        await site.DisposeAsync();
        lock (batches)
        {
            // Other tests' servers are heard too.
            var own = batches.Where(batch => batch.Links.Any(link => traces.Contains(link.Context.TraceId))).OrderBy(batch => batch.StartTimeUtc).ToArray();
            Assert.Equal([[traces[0]], [.. traces[1..].Order(TraceOrder)]], own.Select(batch => batch.Links.Select(link => link.Context.TraceId).Order(TraceOrder).ToArray()));
            Assert.Equal([1, 2], own.Select(batch => batch.GetTagItem("dalle.batch.size")));
        }
    }

    private static readonly Comparer<ActivityTraceId> TraceOrder = Comparer<ActivityTraceId>.Create((a, b) => string.CompareOrdinal(a.ToString(), b.ToString()));

    /// <summary>Asks for an image as a client that has a trace of its own.</summary>
    private static async Task<ActivityTraceId> TracedAsync(Site site, int seed)
    {
        var trace = ActivityTraceId.CreateRandom();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/generations")
        {
            Content = new StringContent($$"""{"prompt":"a cat","candidates":1,"seed":{{seed}}}""", System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Add("traceparent", $"00-{trace}-{ActivitySpanId.CreateRandom()}-01");
        Assert.Equal(HttpStatusCode.OK, (await site.Client.SendAsync(request)).StatusCode);
        return trace;
    }

    private static StringContent Json(string prompt) => new($$"""{"prompt":"{{prompt}}","candidates":1}""", System.Text.Encoding.UTF8, "application/json");

    private static async Task<byte[]> GenerateAsync(Site site, int seed, double? temperature = null)
    {
        var (_, json) = await site.PostAsync("/v1/images/generations", new { prompt = "a cat", seed, candidates = 1, temperature });
        return json.GetProperty("data")[0].GetProperty("b64_json").GetBytesFromBase64();
    }

    private static async Task KeyedAsync(Site site, string key, int n, ulong seed)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/images/generations")
        {
            Content = new StringContent($$"""{"prompt":"a cat","candidates":1,"n":{{n}},"seed":{{seed}}}""", System.Text.Encoding.UTF8, "application/json"),
        };
        request.Headers.Authorization = new("Bearer", key);
        var response = await site.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    private static byte[] Expected(Site site, int seed) => Expected(site.Model, seed);

    private static byte[] Expected(DalleModel model, int seed)
    {
        using var image = model.Generate("a cat", (ulong)seed, new() { Candidates = 1 });
        return image.Image.ToPng();
    }

    /// <summary>Waits until so many images wait or are in work.</summary>
    private static async Task PendingAsync(Site site, int count)
    {
        var scheduler = site.App.Services.GetRequiredService<BatchScheduler>();
        while (scheduler.Pending != count)
            await Task.Delay(5);
    }
}
