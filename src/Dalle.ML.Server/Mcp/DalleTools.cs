using Dalle.ML.Server.Api;
using Microsoft.Extensions.DependencyInjection;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Dalle.ML.Server.Mcp;

/// <summary>The server of the protocol, as agents see it: with the tools that the model has something for.</summary>
internal static class DalleTools
{
    public static void Configure(McpServerOptions options, IServiceProvider services)
    {
        var info = services.GetRequiredService<DalleModel>().Info;
        var version = typeof(DalleModel).Assembly.GetName().Version!.ToString(fieldCount: 3);
        options.ServerInfo = new Implementation { Name = "dalle", Title = "Dalle.ML", Version = version };
        options.ServerInstructions = $"Generates and edits images by the model '{info.Name}', on this machine. describe_model tells its size, limits and words.";
        options.ToolCollection = [Create<DescribeModelTool>()];
        if (info.CanGenerate)
            options.ToolCollection.Add(Create<GenerateImageTool>());
        if (ImageService.CanEdit(info))
            options.ToolCollection.Add(Create<EditImageTool>());

        McpServerTool Create<T>()
            where T : McpServerTool => ActivatorUtilities.CreateInstance<T>(services);
    }
}
