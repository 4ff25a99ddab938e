using System.Security.Authentication;

namespace Dalle.ML.Hub.Download;

/// <summary>Cancels an attempt when its server is silent for too long, and turns what the network throws into failures that may pass.</summary>
internal sealed class SilenceTimer : IDisposable
{
    private readonly TimeSpan _timeout;
    private readonly CancellationToken _cancellationToken;
    private readonly CancellationTokenSource _source;
    private readonly ITimer _timer;

    public SilenceTimer(TimeSpan timeout, TimeProvider clock, CancellationToken cancellationToken)
    {
        (_timeout, _cancellationToken) = (timeout, cancellationToken);
        _source = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _timer = clock.CreateTimer(source => ((CancellationTokenSource)source!).Cancel(), _source, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Waits for something from the server.</summary>
    /// <param name="host">Name of the server, for messages.</param>
    /// <param name="wait">Waits for it.</param>
    /// <exception cref="TransientHubException">Nothing came in time, or the connection broke.</exception>
    /// <exception cref="DalleHubException">No connection can be made until somebody changes something.</exception>
    public async Task<T> WatchAsync<T>(string host, Func<CancellationToken, Task<T>> wait)
    {
        _timer.Change(_timeout, Timeout.InfiniteTimeSpan);
        try
        {
            return await wait(_source.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (!_cancellationToken.IsCancellationRequested)
        {
            throw new TransientHubException($"{host} was silent for {_timeout.TotalSeconds:0.#} seconds.", exception);
        }
        catch (HttpRequestException exception) when (exception.InnerException is AuthenticationException)
        {
            throw new DalleHubException(
                $"The certificate of {host} is not trusted: {exception.InnerException.Message} If a proxy opens connections here, add its certificate to the system's.", exception);
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.ProxyTunnelError)
        {
            throw new DalleHubException($"The proxy gives no way to {host}: {exception.Message} Check HTTPS_PROXY and NO_PROXY.", exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            _cancellationToken.ThrowIfCancellationRequested();
            throw new TransientHubException($"The connection to {host} failed: {exception.Message}", exception);
        }
        finally
        {
            _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    public void Dispose()
    {
        _timer.Dispose();
        _source.Dispose();
    }
}
