using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle doctor</c>: checks whether this machine can run the tool, and on which devices.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("doctor", "Check this machine, its devices and the model; exit code 1 if something required fails.",
        [
            "dalle doctor",
            "dalle doctor --device cuda",
            "dalle doctor -m ./my-model --json",
        ])
        {
            ModelOptions.All, Results.Json,
        };
        command.SetWork(Run);
        return command;
    }

    private static int Run(ParseResult parsed, CancellationToken cancellationToken)
    {
        var checks = Diagnostics.Run(ModelOptions.PathOf(parsed), ModelOptions.DeviceOf(parsed), parsed.Console().Clock, cancellationToken);
        var isWell = checks.All(check => check.State != CheckStatus.Fail);
        if (parsed.GetValue(Results.Json))
            Results.WriteJson(parsed, new { Ok = isWell, Checks = checks.Select(check => new { check.Name, State = Word(check), check.Detail }) });
        else
            Results.WriteTable(parsed, [.. checks.Select(check => new[] { Word(check), check.Name, check.Detail }), [isWell ? "ok" : "fail", "verdict", isWell ? "everything required works" : "something required fails, see above"]]);
        return isWell ? CommandLine.Success : CommandLine.Failure;
    }

    private static string Word(Check check) => check.State switch
    {
        CheckStatus.Ok => "ok",
        CheckStatus.Note => "note",
        _ => "fail",
    };
}
