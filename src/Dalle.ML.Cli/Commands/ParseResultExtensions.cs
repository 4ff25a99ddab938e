using System.CommandLine;
using Dalle.ML.Bundles;
using Dalle.ML.Hub;

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
    /// <exception cref="DalleHubException">It is the name of a published model that is not on this machine.</exception>
    public static string ModelPath(this ParseResult parsed, string pathOrName)
    {
        var path = new ModelFolders(parsed.Console().Variable).Find(pathOrName, parsed.Console().WorkingFolder);
        return Path.Exists(path) || !ModelFolders.IsName(pathOrName) || !DalleHub.ListModels(PullCommand.OptionsOf(parsed)).Any(model => model.Name == pathOrName)
            ? path
            : throw new DalleHubException($"The published model '{pathOrName}' is not on this machine. Run 'dalle pull {pathOrName}' first.");
    }

    /// <summary>The full path of a model that is given by folder or name; null if the option was not given.</summary>
    public static string? GetModelPath(this ParseResult parsed, Option<string> option) =>
        parsed.GetValue(option) is { } pathOrName ? parsed.ModelPath(pathOrName) : null;

    /// <summary>The full path of a file or folder that must be given.</summary>
    public static string GetRequiredPath(this ParseResult parsed, Option<string> option) => parsed.Console().FullPath(parsed.GetRequiredValue(option));
}
