using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Dalle.ML.Benchmarks;

/// <summary>A running <c>dalle serve</c> of this build, as its clients see it.</summary>
internal sealed class ServedModel : IDisposable
{
    private static readonly string Tool = Path.Combine(Arguments.RepositoryRoot(), "artifacts", "bin", "Dalle.ML.Server.Host", "release", "dalle-serve.dll");

    private readonly Process _process;
    private readonly HttpClient _client;

    private ServedModel(Process process, string url)
    {
        _process = process;
        _client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 1024 }) { BaseAddress = new Uri(url), Timeout = Timeout.InfiniteTimeSpan };
    }

    /// <summary>The working set of the server in bytes.</summary>
    public long WorkingSet
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64;
        }
    }

    /// <summary>Starts the server and waits until it listens.</summary>
    /// <param name="bundle">The model's folder.</param>
    public static ServedModel Start(string bundle)
    {
        var host = Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..", OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet");
        var process = Process.Start(new ProcessStartInfo(host, [Tool, "--urls=http://127.0.0.1:0", $"--Dalle:Model={bundle}", "--Serve:Json=true", "--Logging:LogLevel:Default=Warning"])
        {
            RedirectStandardOutput = true,
        })!;
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith("{\"url\"", StringComparison.Ordinal))
                return new ServedModel(process, JsonDocument.Parse(line).RootElement.GetProperty("url").GetString()!);
        }
        throw new InvalidOperationException($"'{Tool}' ended with {process.ExitCode} before it listened.");
    }

    /// <summary>Asks for an image of one candidate.</summary>
    /// <returns>Whether there was room in the queue.</returns>
    public async Task<bool> GenerateAsync(int seed, CancellationToken cancellationToken = default)
    {
        using var response = await _client.PostAsJsonAsync(
            "/v1/images/generations", new { prompt = BuiltInModel.Prompt, seed, candidates = 1 }, cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.TooManyRequests)
            return false;
        _ = await response.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <summary>Images that wait or are in work.</summary>
    public async Task<int> PendingAsync()
    {
        var metrics = await _client.GetStringAsync("/metrics").ConfigureAwait(false);
        var line = metrics.Split('\n').Last(line => line.Contains("dalle_queue_images", StringComparison.Ordinal) && !line.StartsWith('#'));
        return (int)double.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
    }

    public void Dispose()
    {
        _client.Dispose();
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
