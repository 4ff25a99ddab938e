using System.CommandLine;
using Dalle.ML.Bundles;

namespace Dalle.ML.Cli;

/// <summary>Reads from a command line besides the values of options.</summary>
internal static class ParseResultExtensions
{
    /// <summary>The console that the command runs with.</summary>
    public static ToolConsole Console(this ParseResult parsed) => (ToolConsole)parsed.InvocationConfiguration;

    /// <summary>The full path of a file or folder; null if the option was not given.</summary>
    public static string? GetPath(this ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { } path ? parsed.Console().FullPath(path) : null;

    /// <summary>The full path of a model that is given by folder or name.</summary>
    public static string ModelPath(this ParseResult parsed, string pathOrName) =>
        new ModelFolders(parsed.Console().Variable).Find(pathOrName, parsed.Console().WorkingFolder);

    /// <summary>The full path of a model that is given by folder or name; null if the option was not given.</summary>
    public static string? GetModelPath(this ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { } pathOrName ? parsed.ModelPath(pathOrName) : null;

    /// <summary>The full path of a file or folder that must be given.</summary>
    public static string GetRequiredPath(this ParseResult parsed, Option<string> option) => parsed.Console().FullPath(parsed.GetRequiredValue(option));
}
