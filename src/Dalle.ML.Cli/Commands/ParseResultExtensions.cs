using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>What commands read from a command line besides the values of their options.</summary>
internal static class ParseResultExtensions
{
    /// <summary>The console that the command runs with.</summary>
    public static ToolConsole Console(this ParseResult parsed) => (ToolConsole)parsed.InvocationConfiguration;

    /// <summary>The full path of a file or folder; null if the option was not given.</summary>
    public static string? GetPath(this ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { } path ? parsed.Console().FullPath(path) : null;

    /// <summary>The full path of a file or folder that must be given.</summary>
    public static string GetRequiredPath(this ParseResult parsed, Option<string> option) => parsed.Console().FullPath(parsed.GetRequiredValue(option));
}
