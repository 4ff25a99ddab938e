using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle verify</c>: verifies that bundles are complete and unaltered.</summary>
internal static class VerifyCommand
{
    private static readonly Argument<string[]> Bundles = new("bundle")
    {
        Description = "Folders or names of models.",
        Arity = ArgumentArity.OneOrMore,
    };

    public static Command Create()
    {
        var command = new ToolCommand("verify", "Verify the sizes, hashes and graphs of bundles; exit code 1 if any is wrong.",
        [
            "dalle verify ./my-model",
            "dalle verify models/* --json",
        ])
        {
            Bundles, Results.Json,
        };
        command.SetAction(parsed => Array.ConvertAll(parsed.GetRequiredValue(Bundles), bundle => Verify(parsed, parsed.ModelPath(bundle))).All(isValid => isValid)
            ? CommandLine.Success
            : CommandLine.Failure);
        return command;
    }

    /// <summary>Verifies and reports one bundle; the others are verified in any case.</summary>
    private static bool Verify(ParseResult parsed, string folder)
    {
        try
        {
            using var model = DalleModel.Load(folder);
            if (model.Info.CanGenerate)
                model.CountTokens("a");
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
