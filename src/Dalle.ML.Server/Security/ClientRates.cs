using System.Threading.RateLimiting;
using Microsoft.Extensions.Options;

namespace Dalle.ML.Server.Security;

/// <summary>How often each client asks. A client may ask all at once for a minute, and then as often as its requests come back.</summary>
internal sealed class ClientRates : IDisposable
{
    private readonly int? _perMinute;
    private readonly PartitionedRateLimiter<string>? _limiter;

    public ClientRates(IOptions<DalleServerOptions> options)
    {
        _perMinute = options.Value.RequestsPerMinute;
        if (_perMinute is not { } perMinute)
            return;
        _limiter = PartitionedRateLimiter.Create<string, string>(client => RateLimitPartition.GetTokenBucketLimiter(client, _ => new TokenBucketRateLimiterOptions
        {
            TokenLimit = perMinute,
            TokensPerPeriod = 1,
            ReplenishmentPeriod = TimeSpan.FromMinutes(1) / perMinute,
        }));
    }

    /// <summary>Counts a request.</summary>
    /// <exception cref="ApiException">The client has asked too often.</exception>
    public void Count(string client)
    {
        using var lease = _limiter?.AttemptAcquire(client);
        if (lease is not { IsAcquired: false })
            return;
        var wait = lease.TryGetMetadata(MetadataName.RetryAfter, out var retryAfter) ? retryAfter : TimeSpan.FromMinutes(1);
        throw ApiException.TooOften(_perMinute!.Value, TimeSpan.FromSeconds(Math.Clamp(Math.Ceiling(wait.TotalSeconds), 1, 60)));
    }

    public void Dispose() => _limiter?.Dispose();
}
