using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle serve</c>: OpenAI's image API over HTTP. The server is a process of its own, which alone needs the ASP.NET Core runtime.</summary>
internal static class ServeCommand
{
    private static readonly Option<string> Host = new("--host") { HelpName = "name", Description = "Name or address to listen on; 0.0.0.0 for all of the machine.", DefaultValueFactory = _ => "localhost" };

    private static readonly Option<int> Port = new Option<int>("--port") { HelpName = "n", Description = "Port to listen on; 0 takes a free one.", DefaultValueFactory = _ => 5000 }
        .MustBeNumber(0, 65535);

    private static readonly Option<string[]> ApiKey = new("--api-key") { HelpName = "key", Description = "Key of which clients must send one; may be repeated [default: $DALLE_API_KEY, else none]." };

    private static readonly Option<int?> Pending = new Option<int?>("--max-pending") { HelpName = "n", Description = "Images that may wait or be in work; more are refused with 429 [default: 128]." }
        .MustBeNumber(10, 100_000);

    private static readonly Option<int?> RequestsPerMinute = new Option<int?>("--requests-per-minute") { HelpName = "n", Description = "Requests of one client, told by key or else by address; more are refused with 429 [default: no limit]." }
        .MustBeNumber(1, 1_000_000);

    public static Command Create()
    {
        var command = new ToolCommand("serve", "Serve a model over HTTP: OpenAI's image API, and tools for agents.",
        [
            "dalle serve",
            "dalle serve -m ./my-model --port 8080",
            "dalle serve --host 0.0.0.0 --api-key secret --json",
        ])
        {
            Host, Port, ApiKey, Pending, RequestsPerMinute, ServerOptions.LogPrompts, ModelOptions.All, Results.Json, Results.Quiet,
        };
        command.SetAction(RunAsync);
        return command;
    }

    private static Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        // A free port is one of an address: a name may have several addresses.
        var (name, port) = (parsed.GetRequiredValue(Host), parsed.GetValue(Port));
        var host = name == "localhost" && port == 0 ? "127.0.0.1" : name.Contains(':', StringComparison.Ordinal) && !name.StartsWith('[') ? $"[{name}]" : name;
        var settings = new Dictionary<string, string?>
        {
            ["urls"] = string.Create(CultureInfo.InvariantCulture, $"http://{host}:{port}"),
            ["Dalle:MaxPendingImages"] = ServerOptions.Text(parsed.GetValue(Pending)),
            ["Dalle:RequestsPerMinute"] = ServerOptions.Text(parsed.GetValue(RequestsPerMinute)),
            ["Serve:StopsWithInput"] = ServerOptions.Text(true),
        };
        var keys = parsed.GetValue(ApiKey) is { Length: > 0 } given ? given : parsed.Console().Variable("DALLE_API_KEY") is { Length: > 0 } key ? [key] : [];

        // Not as arguments, which every user of the machine can see.
        var secrets = keys.Select((key, index) => KeyValuePair.Create($"Dalle__ApiKeys__{ServerOptions.Text(index)}", key));
        return ServerProcess.RunAsync(parsed.Console(), settings.Concat(ServerOptions.Of(parsed)), secrets, carriesStreams: false, cancellationToken);
    }
}
