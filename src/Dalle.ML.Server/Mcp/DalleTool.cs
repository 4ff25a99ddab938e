using System.Text.Json;
using Dalle.ML.Server.Api;
using Microsoft.Extensions.Logging;
using ModelContextProtocol.Protocol;
using ModelContextProtocol.Server;

namespace Dalle.ML.Server.Mcp;

/// <summary>A tool for agents. What is wrong with a call is its result, in plain words, so that the agent can mend it.</summary>
/// <typeparam name="T">Its arguments.</typeparam>
internal abstract partial class DalleTool<T>(string name, string title, string description, JsonElement schema, ILogger logger) : McpServerTool
{
    public override Tool ProtocolTool { get; } = new()
    {
        Name = name,
        Title = title,
        Description = description,
        InputSchema = schema,

        // Nothing but time is spent, and nothing but the model is asked.
        Annotations = new ToolAnnotations { Title = title, ReadOnlyHint = true, DestructiveHint = false, OpenWorldHint = false },
    };

    public override IReadOnlyList<object> Metadata => [];

    public override async ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, CancellationToken cancellationToken = default)
    {
        try
        {
            return await InvokeAsync(request, ApiJson.Read<T>(request.Params?.Arguments), cancellationToken).ConfigureAwait(false);
        }
        catch (ApiException exception)
        {
            return Error(exception);
        }
#pragma warning disable CA1031 // The agent gets an answer without details; the log has them.
        catch (Exception exception) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            LogFailure(exception, ProtocolTool.Name);
            return Error(ApiException.Failed());
        }
    }

    protected abstract ValueTask<CallToolResult> InvokeAsync(RequestContext<CallToolRequestParams> request, T arguments, CancellationToken cancellationToken);

    /// <summary>A result that is an object, also as text for agents that read only that.</summary>
    protected static CallToolResult Result<TReply>(TReply reply, params IEnumerable<ContentBlock> content)
    {
        var structured = JsonSerializer.SerializeToElement(reply, ApiJson.Options);
        return new CallToolResult { StructuredContent = structured, Content = [new TextContentBlock { Text = structured.GetRawText() }, .. content] };
    }

    private static CallToolResult Error(ApiException exception) => new() { IsError = true, Content = [new TextContentBlock { Text = exception.Message }] };

    [LoggerMessage(Level = LogLevel.Error, Message = "The tool {Tool} failed.")]
    private partial void LogFailure(Exception exception, string tool);
}
