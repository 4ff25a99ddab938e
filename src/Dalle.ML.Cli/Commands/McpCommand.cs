using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>
/// <c>dalle mcp</c>: tools for agents by the Model Context Protocol over standard input and output. As for <c>dalle serve</c>, the server is a process of its own.
/// </summary>
internal static class McpCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("mcp", "Serve a model to agents: the Model Context Protocol over standard input and output.",
        [
            "dalle mcp",
            "dalle mcp -m ./my-model --log-prompts",
        ])
        {
            ServerOptions.LogPrompts, ModelOptions.All, Results.Json, Results.Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var console = parsed.Console();
        if (console.IsInputTerminal && !parsed.GetValue(Results.Quiet))
            Results.Remark(parsed, "an agent starts this command and speaks to it; docs/mcp.md says how. Ctrl+C ends it.");
        var settings = ServerOptions.Of(parsed).Append(KeyValuePair.Create("Serve:Stdio", ServerOptions.Text(true)));
        return ServerProcess.RunAsync(console, settings, [], carriesStreams: true, cancellationToken);
    }
}
