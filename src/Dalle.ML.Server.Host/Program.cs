using System.Net;
using System.Text.Json;
using Dalle.ML;
using Dalle.ML.Server;
using Dalle.ML.Server.Host;
using Microsoft.Extensions.Logging.Console;
using Microsoft.Extensions.Options;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using Prometheus;

const string DefaultAddress = "http://localhost:5000";

// Settings come from the command line and the environment, not from a file in the folder that the program is started in.
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
var host = builder.Configuration.GetSection(ServeOptions.Section).Get<ServeOptions>() ?? new ServeOptions();
var addresses = (builder.Configuration[WebHostDefaults.ServerUrlsKey] ?? DefaultAddress).Split(';', StringSplitOptions.RemoveEmptyEntries);
builder.WebHost.UseUrls(addresses);

// A page that gives its own name this machine's address (DNS rebinding) is turned away by the name.
var isLocal = addresses.All(address => BindingAddress.Parse(address).Host is var name && (name == "localhost" || (IPAddress.TryParse(name.Trim('[', ']'), out var ip) && IPAddress.IsLoopback(ip))));
if (isLocal)
    builder.Configuration["AllowedHosts"] = "localhost;127.0.0.1;[::1]";

builder.WebHost.ConfigureKestrel(kestrel =>
{
    kestrel.AddServerHeader = false;
    kestrel.Limits.MaxConcurrentConnections = 512;
    kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(15);
});

// Standard output has the address alone.
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
// The host's own log of a failed start is a stack: the message below tells it.
builder.Logging.AddFilter("Microsoft", LogLevel.Warning).AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.None).SetMinimumLevel(host.Quiet ? LogLevel.Warning : LogLevel.Information);
if (host.Json)
    builder.Logging.AddJsonConsole();
else
    builder.Logging.AddSimpleConsole(console => (console.SingleLine, console.ColorBehavior) = (true, LoggerColorBehavior.Disabled));

builder.Services.AddDalleServer(options =>
{
    builder.Configuration.GetSection("Dalle").Bind(options);
    options.Device = host.ToDevice();
});
builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromMinutes(1));
builder.Services.ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower);
builder.Services.AddOpenApi(openApi => openApi.AddOperationTransformer((operation, _, _) =>
{
    // For the router any content type is one; for a reader there is one.
    operation.RequestBody?.Content?.Remove("*/*");
    return Task.CompletedTask;
}));
var telemetry = builder.Services.AddOpenTelemetry()
    .WithMetrics(metrics => metrics.AddMeter(DalleServer.TelemetryName, "Microsoft.AspNetCore.Hosting", "Microsoft.AspNetCore.Server.Kestrel"))
    .WithTracing(traces => traces.AddSource(DalleServer.TelemetryName).AddAspNetCoreInstrumentation());
if (builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 })
    telemetry.UseOtlpExporter();

try
{
    var app = builder.Build();
    app.MapDalle();
    app.MapDallePage();
    app.MapOpenApi();
    app.MapMetrics();
    await app.StartAsync();
    Announce(app);
    if (host.StopsWithInput)
        _ = Task.Run(async () =>
        {
            await Console.OpenStandardInput().CopyToAsync(Stream.Null);
            app.Lifetime.StopApplication();
        });
    await app.WaitForShutdownAsync();
    await app.DisposeAsync();
    return 0;
}
catch (Exception exception) when (exception is DalleBundleException or DalleDeviceException or IOException or OptionsValidationException or FormatException or UnauthorizedAccessException)
{
    await Console.Error.WriteLineAsync($"dalle: {exception.Message}");
    return 1;
}

void Announce(WebApplication app)
{
    var model = app.Services.GetRequiredService<DalleModel>().Info.Name;
    foreach (var url in app.Urls)
        Console.WriteLine(host.Json ? JsonSerializer.Serialize(new { url, model }) : url);
    if (!isLocal && app.Services.GetRequiredService<IOptions<DalleServerOptions>>().Value.ApiKeys.Count == 0)
        Console.Error.WriteLine("dalle: the server can be reached from other machines and asks for no key. Set one with --api-key.");
}
