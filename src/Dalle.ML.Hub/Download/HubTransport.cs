using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Dalle.ML.Hub.HuggingFace;
using Polly;
using Polly.Retry;

namespace Dalle.ML.Hub.Download;

/// <summary>
/// Requests to the hub and to plain servers. Redirects are followed here, because the token belongs to the endpoint alone; failures that may
/// pass are retried. Proxies are those of the system and of <c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c> and <c>NO_PROXY</c>.
/// </summary>
internal sealed partial class HubTransport : IDisposable
{
    private const int MaxRedirects = 10;
    private const int MaxRetries = 6;

    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(10);

    private readonly HttpClient _client;
    private readonly HubEnvironment _environment;
    private readonly TimeProvider _clock;
    private readonly TimeProvider _retryClock;

    public HubTransport(HubEnvironment environment, PullOptions options)
    {
        (_environment, _clock, _retryClock) = (environment, options.Clock, options.RetryClock);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            AutomaticDecompression = DecompressionMethods.None,
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Dalle.ML.Hub", typeof(HubTransport).Assembly.GetName().Version?.ToString(3)));
        // Whoever asks for identity gets the bytes that the hash and the size are of.
        _client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("identity"));
    }

    /// <summary>Runs work again, after a pause, as long as its failures may pass.</summary>
    /// <param name="work">The work.</param>
    /// <param name="remark">Receives what failed, and the pause.</param>
    /// <param name="cancellationToken">Stops work and pauses.</param>
    public async Task<T> RetryAsync<T>(Func<CancellationToken, Task<T>> work, Action<string> remark, CancellationToken cancellationToken)
    {
        if (_environment.IsOffline)
            throw new DalleHubException("HF_HUB_OFFLINE is set, so that only files that are on this machine can be used. Remove the variable to download.");
        var retries = new ResiliencePipelineBuilder { TimeProvider = _retryClock }
            .AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<TransientHubException>(),
                MaxRetryAttempts = MaxRetries,
                BackoffType = DelayBackoffType.Exponential,
                Delay = TimeSpan.FromSeconds(1),
                MaxDelay = TimeSpan.FromMinutes(1),
                UseJitter = true,
                DelayGenerator = retry => ValueTask.FromResult((retry.Outcome.Exception as TransientHubException)?.RetryAfter),
                OnRetry = retry =>
                {
                    remark(string.Create(CultureInfo.InvariantCulture, $"{retry.Outcome.Exception!.Message} Trying again in {Math.Ceiling(retry.RetryDelay.TotalSeconds)} s."));
                    return ValueTask.CompletedTask;
                },
            })
            .Build();
        return await retries.ExecuteAsync(async token => await work(token).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends one request and follows its redirects. The response is a success, or one with a status that the caller handles.</summary>
    /// <param name="method">The method.</param>
    /// <param name="url">The address.</param>
    /// <param name="prepare">Adds headers.</param>
    /// <param name="isSameHostOnly">Whether a redirect to another host is itself the answer.</param>
    /// <param name="silence">Counts how long the server is silent.</param>
    /// <param name="handled">A status that is no error to the caller.</param>
    /// <exception cref="TransientHubException">The request failed, and may succeed later.</exception>
    /// <exception cref="DalleHubException">The server refuses.</exception>
    public async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, Uri url, Action<HttpRequestMessage> prepare, bool isSameHostOnly, SilenceTimer silence, HttpStatusCode? handled = null)
    {
        var current = url;
        for (var redirects = 0; ; redirects++)
        {
            using var request = new HttpRequestMessage(method, current);
            prepare(request);
            if (_environment.Token is { } token && IsSameHost(current, _environment.Endpoint))
                request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
            var response = await silence.WatchAsync(current.Host, token => _client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, token)).ConfigureAwait(false);
            if ((int)response.StatusCode is not (301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
            {
                if (response.IsSuccessStatusCode || response.StatusCode == handled)
                    return response;
                using (response)
                    throw Error(response, url, current);
            }
            var next = new Uri(current, location);
            if (isSameHostOnly && !IsSameHost(current, next))
                return response;
            response.Dispose();
            if (redirects == MaxRedirects)
                throw new DalleHubException($"{url} redirects more than {MaxRedirects} times.");
            if (next.Scheme != Uri.UriSchemeHttps && (next.Scheme != Uri.UriSchemeHttp || current.Scheme == Uri.UriSchemeHttps))
                throw new DalleHubException($"{url} redirects to '{next.Scheme}://{next.Host}', which is not a secure address.");
            current = next;
        }
    }

    /// <summary>A timer for one attempt.</summary>
    public SilenceTimer StartTimer(CancellationToken cancellationToken) => new(_environment.IdleTimeout, _clock, cancellationToken);

    public void Dispose() => _client.Dispose();

    /// <summary>Whether two addresses are of one server.</summary>
    public static bool IsSameHost(Uri one, Uri other) => (one.Scheme, one.Host, one.Port) == (other.Scheme, other.Host, other.Port);

    /// <summary>The failure that a status means. Messages name the address that was asked for: one that it redirects to may be signed.</summary>
    private DalleHubException Error(HttpResponseMessage response, Uri url, Uri current)
    {
        var status = $"{url} answers {(int)response.StatusCode} {response.ReasonPhrase}";
        if (!IsSameHost(url, current))
            status += $" (from {current.Host})";
        switch ((int)response.StatusCode)
        {
            case 408 or 429 or 500 or 502 or 503 or 504:
                var wait = WaitAskedBy(response);
                return wait > LongestWait
                    ? new DalleHubException($"{status} and asks to wait for {wait.Value.TotalMinutes:0} minutes. Run the pull again then; what is downloaded is kept.")
                    : new TransientHubException($"{status}.") { RetryAfter = wait };
            case 403 when !IsSameHost(url, current):
                // A signed address that has expired: the next attempt asks for a new one.
                return new TransientHubException($"{status}.");
        }
        var code = response.Headers.TryGetValues("X-Error-Code", out var codes) ? codes.FirstOrDefault() : null;
        return (code, (int)response.StatusCode) switch
        {
            ("GatedRepo", _) => new DalleHubException(
                $"{status}: its owner gives access on request. Accept the terms on its page at the hub, then set HF_TOKEN to your access token."),
            ("RevisionNotFound", _) => new ChangedFileException($"{status}: the repository has no such revision."),
            ("RepoNotFound", _) or (_, 401) => new DalleHubException(
                $"{status}: the repository does not exist, or needs a token. If you have access to it, set HF_TOKEN to a valid token."),
            ("EntryNotFound", _) or (_, 404 or 410) => new ChangedFileException($"{status}: the file is not there any more."),
            (_, 403) => new DalleHubException($"{status}: access is denied. A token without permission, or a proxy, may be the cause."),
            _ => new DalleHubException($"{status}."),
        };
    }

    /// <summary>How long a server asks to wait: by the hub's header of limits, else by Retry-After.</summary>
    private TimeSpan? WaitAskedBy(HttpResponseMessage response)
    {
        if (response.Headers.TryGetValues("RateLimit", out var limits) && SecondsLeft().Match(string.Join(',', limits)) is { Success: true } match)
            return TimeSpan.FromSeconds(int.Parse(match.Groups["seconds"].Value, CultureInfo.InvariantCulture) + 1);
        return response.Headers.RetryAfter switch
        {
            { Delta: { } delta } => delta,
            { Date: { } date } => date - _clock.GetUtcNow() is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero,
            _ => null,
        };
    }

    [GeneratedRegex(@"\bt=(?<seconds>\d{1,6})\b")]
    private static partial Regex SecondsLeft();
}
