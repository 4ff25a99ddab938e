using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Dalle.ML.Server.Api;

/// <summary>An answer of server-sent events, each sent at once. The answer begins with the first.</summary>
internal sealed class EventStream : IAsyncDisposable
{
    private readonly HttpContext _context;

    public EventStream(HttpContext context)
    {
        _context = context;
        context.Response.ContentType = "text/event-stream";
    }

    public async Task WriteAsync<T>(string name, T value)
    {
        var text = $"event: {name}\ndata: {JsonSerializer.Serialize(value, ApiJson.Options)}\n\n";
        await _context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text), _context.RequestAborted).ConfigureAwait(false);
        await _context.Response.Body.FlushAsync(_context.RequestAborted).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_context.RequestAborted.IsCancellationRequested)
            await _context.Response.CompleteAsync().ConfigureAwait(false);
    }
}
