using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Prometheus;

namespace Dalle.ML.Server.Host;

/// <summary>The server behind <c>dalle serve</c>: OpenAI's image API and the tools for agents over HTTP.</summary>
internal static class HttpServer
{
    private const string DefaultAddress = "http://localhost:5000";

    public static async Task<int> RunAsync(string[] args, ServeOptions options)
    {
        var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        var addresses = AddressesOf(builder.Configuration);
        builder.WebHost.UseUrls(addresses);

        // A page that gives its own name this machine's address (DNS rebinding) is turned away by the name.
        var isLocal = addresses.All(IsLocal);
        if (isLocal)
            builder.Configuration["AllowedHosts"] = "localhost;127.0.0.1;[::1]";

        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 512;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
        });
        builder.AddDalle(options);
        builder.Services.AddDalleMcp().WithHttpTransport();
        builder.Services.AddApiDocument();
        var telemetry = builder.Services.AddOpenTelemetry()
            .WithMetrics(metrics => metrics.AddMeter(DalleServer.TelemetryName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"))
            .WithTracing(traces => traces.AddSource(DalleServer.TelemetryName).AddAspNetCoreInstrumentation());
        if (builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 })
            telemetry.UseOtlpExporter();

        var app = builder.Build();
        app.MapDalle();
        app.MapDalleMcp();
        app.MapDallePage();
        app.MapApiPage();
        app.MapMetrics();
        await app.StartAsync();
        Announce(app, options, isLocal);
        if (options.StopsWithInput)
        {
            _ = Task.Run(async () =>
            {
                await Console.OpenStandardInput().CopyToAsync(Stream.Null);
                app.Lifetime.StopApplication();
            });
        }
        await app.WaitForShutdownAsync();
        await app.DisposeAsync();
        return 0;
    }

    /// <summary>The addresses to listen on.</summary>
    public static string[] AddressesOf(IConfiguration configuration) =>
        (configuration[WebHostDefaults.ServerUrlsKey] ?? DefaultAddress).Split(';', StringSplitOptions.RemoveEmptyEntries);

    private static bool IsLocal(string address) =>
        BindingAddress.Parse(address).Host is var name && (name == "localhost" || (IPAddress.TryParse(name.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip)));

    private static void Announce(WebApplication app, ServeOptions options, bool isLocal)
    {
        var model = app.Services.GetRequiredService<DalleModel>().Info.Name;
        foreach (var url in app.Urls)
            Console.WriteLine(options.Json ? JsonSerializer.Serialize(new { url, model }) : url);
        if (!isLocal && app.Services.GetRequiredService<IOptions<DalleServerOptions>>().Value.ApiKeys.Count == 0)
            Console.Error.WriteLine("dalle: the server can be reached from other machines and asks for no key. Set one with --api-key.");
    }
}
