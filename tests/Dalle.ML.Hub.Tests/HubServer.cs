using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dalle.ML.Hub.Tests;

/// <summary>
/// A server that speaks the Hugging Face hub's protocol on one port, serves large files by signed addresses on another, and plain files on both. It
/// breaks in every way that a test asks for.
/// </summary>
internal sealed class HubServer : IAsyncDisposable
{
    public const string Commit = "1111111111111111111111111111111111111111";
    public const string OtherCommit = "2222222222222222222222222222222222222222";

    // Above this a file is a large one, with a SHA-256 and an address of its own.
    private const int LargeFrom = 10_000;
    private const int ChunkSize = 16 << 10;

    private readonly WebApplication _hub;
    private readonly WebApplication _storage;
    private readonly Lock _lock = new();
    private int _signatures;
    private long? _bytesLeft;
    private Func<Task>? _atCut;

    private HubServer()
    {
        _hub = Build(AnswerAsHubAsync);
        _storage = Build(AnswerAsStorageAsync);
    }

    public sealed record Seen(string Host, string Method, string Path, string? Range, string? Authorization);

    public Uri Hub => new(_hub.Urls.Single());

    public Uri Storage => new(_storage.Urls.Single());

    /// <summary>Files by <c>repository/commit/path</c>.</summary>
    public ConcurrentDictionary<string, byte[]> Files { get; } = [];

    /// <summary>Files of plain addresses, by path.</summary>
    public ConcurrentDictionary<string, byte[]> Plain { get; } = [];

    public ConcurrentDictionary<string, string> Branches { get; } = new() { ["main"] = Commit };

    public ConcurrentQueue<Seen> Requests { get; } = [];

    /// <summary>Answers in place of the server, and returns whether it did.</summary>
    public Func<HttpContext, Task<bool>>? Intercept { get; set; }

    public static async Task<HubServer> StartAsync()
    {
        var server = new HubServer();
        await server._hub.StartAsync();
        await server._storage.StartAsync();
        return server;
    }

    public void Add(string repository, string path, byte[] content, string commit = Commit) => Files[$"{repository}/{commit}/{path}"] = content;

    /// <summary>Breaks the connection when so many more bytes of files were sent.</summary>
    /// <param name="bytes">The number of bytes.</param>
    /// <param name="atCut">Runs while the connection is still open.</param>
    public void CutAfter(long bytes, Func<Task>? atCut = null)
    {
        lock (_lock)
            (_bytesLeft, _atCut) = (bytes, atCut);
    }

    public void NeverCut()
    {
        lock (_lock)
            (_bytesLeft, _atCut) = (null, null);
    }

    /// <summary>The requests of files, without those that only ask about them.</summary>
    public IEnumerable<Seen> Downloads => Requests.Where(request => request.Method == "GET" && request.Range != "bytes=0-0");

    public static string Sha256(byte[] content) => Convert.ToHexStringLower(SHA256.HashData(content));

    public static string GitBlob(byte[] content) =>
        Convert.ToHexStringLower(SHA1.HashData([.. Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {content.Length}\0")), .. content]));

    public static string ETag(byte[] content) => content.Length > LargeFrom ? Sha256(content) : GitBlob(content);

    public async ValueTask DisposeAsync()
    {
        await _hub.DisposeAsync();
        await _storage.DisposeAsync();
    }

    private WebApplication Build(RequestDelegate answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var application = builder.Build();
        application.Run(async context =>
        {
            var request = context.Request;
            Requests.Enqueue(new Seen(request.Host.Value!, request.Method, request.Path, request.Headers.Range, request.Headers.Authorization));
            if (Intercept is not { } intercept || !await intercept(context))
                await answer(context);
        });
        return application;
    }

    private async Task AnswerAsHubAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!.TrimStart('/');
        if (Plain.TryGetValue(path, out var plain))
        {
            context.Response.Headers.ETag = $"\"{Sha256(plain)[..16]}\"";
            await SendAsync(context, plain);
            return;
        }
        var parts = path.Split('/', 5);
        if (parts is not [var owner, var name, "resolve", var revision, var file])
        {
            context.Response.StatusCode = 404;
            return;
        }
        var commit = Branches.GetValueOrDefault(revision, revision);
        context.Response.Headers["X-Repo-Commit"] = commit;
        if (!Files.TryGetValue($"{owner}/{name}/{commit}/{file}", out var content))
        {
            context.Response.Headers["X-Error-Code"] = "EntryNotFound";
            context.Response.StatusCode = 404;
            return;
        }
        if (content.Length <= LargeFrom)
        {
            context.Response.Headers.ETag = $"\"{GitBlob(content)}\"";
            await SendAsync(context, content);
            return;
        }
        context.Response.Headers["X-Linked-Etag"] = $"\"{Sha256(content)}\"";
        context.Response.Headers["X-Linked-Size"] = content.Length.ToString(CultureInfo.InvariantCulture);
        context.Response.Headers.ETag = "\"of-the-redirect\"";
        context.Response.Redirect($"{Storage}{owner}/{name}/{commit}/{file}?signature={Interlocked.Increment(ref _signatures)}");
    }

    private async Task AnswerAsStorageAsync(HttpContext context)
    {
        if (Files.TryGetValue(context.Request.Path.Value!.TrimStart('/'), out var content))
            await SendAsync(context, content);
        else
            context.Response.StatusCode = 404;
    }

    private async Task SendAsync(HttpContext context, byte[] content)
    {
        var (start, end) = (0L, (long)content.Length);
        if (context.Request.GetTypedHeaders().Range is { Ranges: var ranges } && ranges.Single() is var range)
        {
            var condition = context.Request.Headers.IfRange.ToString();
            if (condition.Length == 0 || condition == context.Response.Headers.ETag.ToString())
            {
                (start, end) = (range.From!.Value, Math.Min((range.To ?? (end - 1)) + 1, end));
                if (start >= content.Length)
                {
                    context.Response.StatusCode = 416;
                    context.Response.Headers.ContentRange = $"bytes */{content.Length}";
                    return;
                }
                context.Response.StatusCode = 206;
                context.Response.Headers.ContentRange = $"bytes {start}-{end - 1}/{content.Length}";
            }
        }
        context.Response.ContentType = "application/octet-stream";
        context.Response.ContentLength = end - start;
        if (HttpMethods.IsHead(context.Request.Method))
            return;
        while (start < end)
        {
            var (count, atCut, isCut) = Allow((int)Math.Min(ChunkSize, end - start));
            await context.Response.Body.WriteAsync(content.AsMemory((int)start, count));
            await context.Response.Body.FlushAsync();
            start += count;
            if (!isCut)
                continue;
            await (atCut?.Invoke() ?? Task.CompletedTask);
            context.Abort();
            return;
        }
    }

    private (int Count, Func<Task>? AtCut, bool IsCut) Allow(int count)
    {
        lock (_lock)
        {
            if (_bytesLeft is not { } left)
                return (count, null, false);
            _bytesLeft = left <= count ? null : left - count;
            return left <= count ? ((int)left, _atCut, true) : (count, null, false);
        }
    }
}
