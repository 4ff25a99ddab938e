using Microsoft.Extensions.Logging.Console;

namespace Dalle.ML.Server.Host;

/// <summary>What the server needs, whatever protocol it speaks.</summary>
internal static class HostSetup
{
    public static void AddDalle(this IHostApplicationBuilder builder, ServeOptions options)
    {
        // Standard output has the address alone, or the protocol.
        builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        // The host's own log of a failed start is a stack: the program's message tells it.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None)
            .AddFilter("ModelContextProtocol", LogLevel.Warning).SetMinimumLevel(options.Quiet ? LogLevel.Warning : LogLevel.Information);
        if (options.Json)
            builder.Logging.AddJsonConsole();
        else
            builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled));

        builder.Services.AddDalleServer(server =>
        {
            builder.Configuration.GetSection("Dalle").Bind(server);
            server.Device = options.ToDevice();
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromMinutes(1));
    }
}
