using Dalle.ML.Server.Api;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Dalle.ML.Server.Mcp;

/// <summary><c>describe_model</c>: what <c>GET /v1/models</c> tells.</summary>
internal sealed class DescribeModelTool(ModelsApi models, ILogger<DescribeModelTool> logger) : DalleTool<NoArguments>(
    "describe_model", "Describe the image model",
    "Tells the name, image size, limits and defaults of the image model, what it can do, and the words that it knows, if they are few. Call it before the first image.",
    ToolSchemas.Empty, logger)
{
    protected override ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, NoArguments arguments, CancellationToken cancellationToken) =>
        ValueTask.FromResult(Result(models.Describe()));
}
