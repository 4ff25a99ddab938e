using System.Diagnostics;
using System.Threading.Channels;
using Microsoft.ML.Data;

namespace Dalle.ML.Server.Scheduling;

/// <summary>What happened to an image of a request: tokens or an image for a preview, or the finished image.</summary>
/// <param name="Index">Number of the image in its request, from 0.</param>
internal readonly record struct ImageEvent(int Index) : IDisposable
{
    /// <summary>The tokens so far, of a model that samples tokens.</summary>
    public int[]? Tokens { get; init; }

    /// <summary>The image as it is expected to become, of a model of DALL·E 2.</summary>
    public MLImage? Preview { get; init; }

    /// <summary>The finished image.</summary>
    public GeneratedImage? Image { get; init; }

    public void Dispose()
    {
        Preview?.Dispose();
        Image?.Dispose();
    }
}

/// <summary>The images of one request. Disposing it takes back what is not finished.</summary>
internal sealed class ImageRun : IDisposable
{
    private readonly Channel<ImageEvent> _events = Channel.CreateUnbounded<ImageEvent>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _abandoned;
    private readonly int _count;
    private int _finished;

    /// <param name="client">Whose turn it uses.</param>
    /// <param name="count">Number of its images.</param>
    /// <param name="cancellationToken">Is cancelled when the client leaves.</param>
    public ImageRun(string client, int count, CancellationToken cancellationToken)
    {
        (Client, _count) = (client, count);
        _abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Abandoned = _abandoned.Token;
        Context = Activity.Current?.Context ?? default;
    }

    public string Client { get; }

    /// <summary>Is cancelled when nobody waits for the images any more.</summary>
    public CancellationToken Abandoned { get; }

    /// <summary>The trace that the request belongs to.</summary>
    public ActivityContext Context { get; }

    /// <summary>What happens, until all images are there; the receiver disposes each event.</summary>
    /// <exception cref="ApiException">The server refuses to go on.</exception>
    public IAsyncEnumerable<ImageEvent> ReadAsync(CancellationToken cancellationToken) => _events.Reader.ReadAllAsync(cancellationToken);

    public void Write(ImageEvent happened)
    {
        if (!_events.Writer.TryWrite(happened))
            happened.Dispose();
        if (happened.Image is not null && Interlocked.Increment(ref _finished) == _count)
            _events.Writer.TryComplete();
    }

    public void Fail(Exception exception) => _events.Writer.TryComplete(exception);

    public void Dispose()
    {
        _abandoned.Cancel();
        _events.Writer.TryComplete();
        while (_events.Reader.TryRead(out var unread))
            unread.Dispose();
        _abandoned.Dispose();
    }
}
