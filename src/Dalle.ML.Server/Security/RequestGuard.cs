using System.Globalization;
using Dalle.ML.Server.Api;
using Microsoft.AspNetCore.Cors.Infrastructure;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Dalle.ML.Server.Security;

/// <summary>Stands before every endpoint: security headers, API key, rate, origin; and turns what goes wrong behind it into OpenAI's errors.</summary>
internal sealed partial class RequestGuard(ApiKeys keys, ClientRates rates, ServerTelemetry telemetry, ILogger<RequestGuard> logger) : IEndpointFilter
{
    private static readonly object ClientItem = new();

    /// <summary>Whose turn a request uses: that of its key, or else of its address.</summary>
    public static string ClientOf(HttpContext context) => context.Items[ClientItem] as string ?? "";

    public async ValueTask<object?> InvokeAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next)
    {
        var http = context.HttpContext;
        SetHeaders(http.Response.Headers);
        try
        {
            var endpoint = http.GetEndpoint()?.Metadata;
            if (endpoint?.GetMetadata<OpenToAll>() is null)
            {
                var address = http.Connection.RemoteIpAddress?.ToString() ?? "";
                http.Items[ClientItem] = ClientOf(http.Request, address);
                if (endpoint?.GetMetadata<ICorsMetadata>() is null)
                    CheckOrigin(http.Request);
            }
            return await next(context).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be answered.
            telemetry.Refused("client_left");
            return Results.Empty;
        }
        catch (ApiException exception)
        {
            return await AnswerAsync(http, exception).ConfigureAwait(false);
        }
        catch (BadHttpRequestException exception)
        {
            return await AnswerAsync(http, exception.StatusCode == StatusCodes.Status413PayloadTooLarge
                ? ApiException.TooLarge("The request is larger than this server takes.")
                : ApiException.BadRequest(exception.StatusCode, "The request is not valid HTTP, or it came too slowly.")).ConfigureAwait(false);
        }
#pragma warning disable CA1031 // The client gets an answer without details; the log has them.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            LogFailure(exception, http.Request.Path);
            return await AnswerAsync(http, ApiException.Failed()).ConfigureAwait(false);
        }
    }

    /// <summary>The client of a request, which is counted: also one with a wrong key, so that keys are not tried without end.</summary>
    private string ClientOf(HttpRequest request, string address)
    {
        var client = address;
        try
        {
            if (keys.Check(request) is { } key)
                client = key.ToString(CultureInfo.InvariantCulture);
        }
        finally
        {
            rates.Count(client);
        }
        return client;
    }

    private async Task<object?> AnswerAsync(HttpContext http, ApiException error)
    {
        telemetry.Refused(error.Code);
        if (http.Response.HasStarted)
            http.Abort();
        else
            await ApiJson.WriteErrorAsync(http, error).ConfigureAwait(false);
        return Results.Empty;
    }

    /// <summary>
    /// A page of another site must not make its visitors' browsers use a server on their machine. Browsers send the origin; other clients do not.
    /// Endpoints with a CORS policy leave that to it.
    /// </summary>
    private static void CheckOrigin(HttpRequest request)
    {
        var origin = request.Headers.Origin.ToString();
        if (origin.Length > 0 && !string.Equals(origin, $"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase))
            throw ApiException.CrossSite(origin);
    }

    private static void SetHeaders(IHeaderDictionary headers)
    {
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
        headers.CacheControl = "no-store";
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A request to {Path} failed.")]
    private partial void LogFailure(Exception exception, PathString path);

    /// <summary>Marks an endpoint that needs no key.</summary>
    internal sealed class OpenToAll;
}
