using Dalle.ML.Server.Scheduling;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Dalle.ML.Server;

/// <summary>Whether the server takes requests: the model is loaded, and it does not stop.</summary>
internal sealed class ReadyCheck(BatchScheduler scheduler) : IHealthCheck
{
    public const string Tag = "dalle-ready";

    public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        Task.FromResult(scheduler.IsReady ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The server stops."));
}
