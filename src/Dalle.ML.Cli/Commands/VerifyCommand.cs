using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle verify</c>: whether bundles are whole and unaltered.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<string[]> Bundles = new("bundle")
    {
        Description = "Folders of bundles.",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create()
    {
        var command = new ToolCommand("verify", "Check all files of bundles against their manifests: sizes, hashes, graphs. The exit code is 1 if one is not right.",
        [
            "dalle verify ./my-model",
            "dalle verify models/* --json",
        ])
        {
            Bundles, Results.Json,
        };
        command.SetAction(parsed => Array.ConvertAll(parsed.GetRequiredValue(Bundles), bundle => IsRight(parsed, parsed.Console().FullPath(bundle))).All(isRight => isRight)
            ? CommandLine.Success
            : CommandLine.Failure);
        return command;
    }

    /// <summary>Reports on a bundle; a wrong one does not keep the others from being looked at.</summary>
    private static bool IsRight(ParseResult parsed, string folder)
    {
        try
        {
            using var model = DalleModel.Load(folder);
            Results.Write(parsed, $"OK {model.Info.Hash} {folder}", new { Bundle = folder, Ok = true, model.Info.Hash });
            return true;
        }
        catch (Exception exception) when (exception is DalleBundleException or IOException or UnauthorizedAccessException)
        {
            if (parsed.GetValue(Results.Json))
                Results.WriteJson(parsed, new { Bundle = folder, Ok = false, Error = exception.Message });
            else
                Results.Remark(parsed, exception.Message);
            return false;
        }
    }
}
