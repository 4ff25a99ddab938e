using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle verify</c>: whether bundles are whole and unaltered.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<DirectoryInfo[]> Bundles = new("bundle")
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
        command.SetAction(parsed => Array.ConvertAll(parsed.GetRequiredValue(Bundles), bundle => IsRight(parsed, bundle.FullName)).All(isRight => isRight)
            ? CommandRunner.Success
            : CommandRunner.Failure);
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
                Results.WriteJson(new { Bundle = folder, Ok = false, Error = exception.Message });
            else
                Console.Error.WriteLine($"dalle: {exception.Message}");
            return false;
        }
    }
}
