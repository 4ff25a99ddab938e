namespace Dalle.ML.Server.Host;

/// <summary>The server behind <c>dalle mcp</c>: agents speak to it by standard input and output, and it listens on no port. It ends with its input.</summary>
internal static class StdioServer
{
    public static async Task<int> RunAsync(string[] args, ServeOptions options)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(
            new HostApplicationBuilderSettings { Args = args, ContentRootPath = AppContext.BaseDirectory, EnvironmentName = Environments.Production });
        builder.Configuration.AddEnvironmentVariables();
        builder.AddDalle(options);
        builder.Services.AddDalleMcp().WithStdioServerTransport();
        using var host = builder.Build();

        // A model that cannot be loaded is told now and not at the first call.
        host.Services.GetRequiredService<DalleModel>();
        await host.RunAsync();
        return 0;
    }
}
