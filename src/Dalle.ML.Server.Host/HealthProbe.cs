using System.Net;

namespace Dalle.ML.Server.Host;

/// <summary><c>dalle-serve --Serve:HealthCheck=true</c>: asks the server of this machine whether it is ready, for containers whose image has no other program to ask.</summary>
internal static class HealthProbe
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(IConfiguration configuration)
    {
        var address = BindingAddress.Parse(HttpServer.AddressesOf(configuration)[0]);

        // Whatever the server listens on, it listens on this machine too.
        var host = address.Host is "+" or "*" or "0.0.0.0" or "[::]" ? IPAddress.Loopback.ToString() : address.Host;
        using var client = new HttpClient { Timeout = Patience };
        try
        {
            using var response = await client.GetAsync(new Uri($"{address.Scheme}://{host}:{address.Port}{address.PathBase}/readyz"));
            if (response.IsSuccessStatusCode)
                return 0;
            await Console.Error.WriteLineAsync($"dalle: the server is not ready: {(int)response.StatusCode}");
        }
        catch (Exception exception) when (exception is HttpRequestException or TaskCanceledException)
        {
            await Console.Error.WriteLineAsync($"dalle: the server does not answer: {exception.Message}");
        }
        return 1;
    }
}
