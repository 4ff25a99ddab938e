using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Options of the commands that start <c>dalle-serve</c>, as its settings.</summary>
internal static class ServerOptions
{
    public static Option<bool> LogPrompts { get; } = new("--log-prompts") { Description = "Show prompts in the log." };

    public static IEnumerable<KeyValuePair<string, string?>> Of(ParseResult parsed)
    {
        var device = ModelOptions.DeviceOf(parsed);
        return new Dictionary<string, string?>
        {
            ["Dalle:Model"] = ModelOptions.PathOf(parsed),
            ["Dalle:LogPrompts"] = Text(parsed.GetValue(LogPrompts)),
            ["Serve:Device"] = device.GpuDeviceId is { } id ? $"cuda:{Text(id)}" : "cpu",
            ["Serve:Threads"] = Text(device.IntraOpThreads),
            ["Serve:Spin"] = Text(device.SpinDuration is { } spin ? (int)spin.TotalMicroseconds : null),
            ["Serve:GpuMemory"] = Text(device.GpuMemoryLimit),
            ["Serve:Json"] = Text(parsed.GetValue(Results.Json)),
            ["Serve:Quiet"] = Text(parsed.GetValue(Results.Quiet)),
        };
    }

    public static string? Text(IFormattable? value) => value?.ToString(null, CultureInfo.InvariantCulture);

    public static string? Text(bool value) => value ? "true" : null;
}
