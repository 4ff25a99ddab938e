using Dalle.ML;
using Dalle.ML.Server;
using Dalle.ML.Server.Api;
using Dalle.ML.Server.Mcp;
using Dalle.ML.Server.Scheduling;
using Dalle.ML.Server.Security;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using ModelContextProtocol.Server;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers the server of Dalle.ML with a service collection.</summary>
public static class DalleServerServiceCollectionExtensions
{
    /// <summary>
    /// Adds the server, whose endpoints <c>MapDalle</c> maps. A <see cref="DalleModel"/> that is registered, as <c>AddDalle</c> does, is served;
    /// otherwise the one of the options. It is loaded when the application starts, which fails if it cannot be.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Sets options.</param>
    /// <returns>The same services.</returns>
    /// <example>
    /// <code>
    /// var builder = WebApplication.CreateBuilder(args);
    /// builder.Services.AddDalleServer(options => options.Model = "models/mine");
    /// var app = builder.Build();
    /// app.MapDalle();
    /// app.Run();
    /// </code>
    /// </example>
    public static IServiceCollection AddDalleServer(this IServiceCollection services, Action<DalleServerOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddOptions<DalleServerOptions>().Configure(configure ?? (_ => { })).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DalleServerOptions>, DalleServerOptionsValidator>();
        services.TryAddSingleton(provider =>
        {
            var options = provider.GetRequiredService<IOptions<DalleServerOptions>>().Value;
            return options.Model is { } model ? DalleModel.Load(model, options.Device) : DalleModel.LoadDefault(options.Device);
        });
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<BatchGenerator>(provider => provider.GetRequiredService<DalleModel>().GenerateBatch);
        services.AddSingleton<ServerTelemetry>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<ClientRates>();
        services.AddSingleton<ImageRequestReader>();
        services.AddSingleton<ImageStore>();
        services.AddSingleton<Previews>();
        services.AddSingleton<ImageService>();
        services.AddSingleton<ImagesApi>();
        services.AddSingleton<EmbeddingsApi>();
        services.AddSingleton<ModelsApi>();
        services.AddSingleton<BatchScheduler>();
        services.AddHostedService(provider => provider.GetRequiredService<BatchScheduler>());
        services.AddHealthChecks().AddCheck<ReadyCheck>("dalle", tags: [ReadyCheck.Tag]);
        return services;
    }

    /// <summary>
    /// Adds the tools for agents, which speak the Model Context Protocol: <c>generate_image</c>, <c>edit_image</c> and <c>describe_model</c>. Choose how they are
    /// reached: <c>WithHttpTransport()</c> and <c>MapDalleMcp</c>, or <c>WithStdioServerTransport()</c>. Needs <see cref="AddDalleServer"/>, whose queue and limits hold.
    /// </summary>
    /// <param name="services">The services.</param>
    /// <returns>The builder of the server of the protocol.</returns>
    public static IMcpServerBuilder AddDalleMcp(this IServiceCollection services)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddHttpContextAccessor();
        services.AddSingleton<ToolSchemas>();
        services.AddSingleton<ToolImages>();
        services.AddOptions<McpServerOptions>().Configure<IServiceProvider>(DalleTools.Configure);
        return services.AddMcpServer();
    }
}
