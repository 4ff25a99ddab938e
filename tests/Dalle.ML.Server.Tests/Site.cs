using System.Text;
using System.Text.Json;
using Dalle.ML.Server.Scheduling;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dalle.ML.Server.Tests;

/// <summary>A server of the tiny model on a port of this machine.</summary>
internal sealed class Site : IAsyncDisposable
{
    private Site(WebApplication app)
    {
        App = app;
        Client = new HttpClient { BaseAddress = new Uri(app.Urls.Single()), Timeout = Timeout.InfiniteTimeSpan };
    }

    public WebApplication App { get; }

    public HttpClient Client { get; }

    public Uri Address => Client.BaseAddress!;

    public DalleModel Model => App.Services.GetRequiredService<DalleModel>();

    /// <summary>Starts a server.</summary>
    /// <param name="configure">Sets options.</param>
    /// <param name="services">Adds or replaces services.</param>
    /// <param name="log">Receives what is logged.</param>
    public static async Task<Site> StartAsync(Action<DalleServerOptions>? configure = null, Action<IServiceCollection>? services = null, ILoggerProvider? log = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        if (log is not null)
            builder.Logging.AddProvider(log);
        services?.Invoke(builder.Services);
        builder.Services.AddDalleServer(options =>
        {
            options.Model = TinyModel.Path;
            configure?.Invoke(options);
        });
        var app = builder.Build();
        app.MapDalle();
        await app.StartAsync();
        return new Site(app);
    }

    /// <summary>Posts JSON, and reads the answer as JSON.</summary>
    public async Task<(HttpResponseMessage Response, JsonElement Json)> PostAsync(string path, object body)
    {
        var text = body as string ?? JsonSerializer.Serialize(body);
        var response = await Client.PostAsync(path, new StringContent(text, Encoding.UTF8, "application/json"));
        return (response, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await App.StopAsync();
        await App.DisposeAsync();
    }
}

/// <summary>The library's generator behind a gate, which counts what comes through.</summary>
internal sealed class Gate : IDisposable
{
    private readonly SemaphoreSlim _open = new(0);
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Lock _lock = new();
    private readonly List<GenerationRequest[]> _batches = [];

    /// <summary>The batches that came, in their order.</summary>
    public IReadOnlyList<GenerationRequest[]> Batches
    {
        get
        {
            lock (_lock)
                return [.. _batches];
        }
    }

    /// <summary>Thrown by each batch that comes, if there is one.</summary>
    public Func<GenerationRequest[], Exception?> Failure { get; set; } = _ => null;

    public void Register(IServiceCollection services) => services.AddSingleton<BatchGenerator>(provider =>
    {
        var model = provider.GetRequiredService<DalleModel>();
        return (requests, options, progress, cancellationToken) =>
        {
            lock (_lock)
                _batches.Add([.. requests]);
            _arrived.Release();
            WaitUnlessAllLeft(requests, cancellationToken);
            return Failure([.. requests]) is { } failure ? throw failure : model.GenerateBatch(requests, options, progress, cancellationToken);
        };
    });

    /// <summary>Waits as the library works: until everybody has left, at the latest.</summary>
    private void WaitUnlessAllLeft(IReadOnlyList<GenerationRequest> requests, CancellationToken cancellationToken)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var wanted = requests.Count;
        var registrations = requests.Select(request => request.CancellationToken.Register(() =>
        {
            if (Interlocked.Decrement(ref wanted) == 0)
                end.Cancel();
        })).ToArray();
        try
        {
            _open.Wait(end.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
        }
        finally
        {
            foreach (var registration in registrations)
                registration.Dispose();
        }
    }

    /// <summary>Waits for a batch to come.</summary>
    public Task ArrivalAsync() => _arrived.WaitAsync();

    /// <summary>Lets batches through.</summary>
    public void Open(int batches = 1000) => _open.Release(batches);

    public void Dispose()
    {
        _open.Dispose();
        _arrived.Dispose();
    }
}
