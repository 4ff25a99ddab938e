using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary><c>dalle doctor</c>: whether this machine can run the tool, and on what.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new ToolCommand("doctor", "Look at this machine: system, libraries, devices, telemetry, the model, and a self-test of a few seconds. The exit code is 1 if something that must work does not.",
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
            Results.WriteTable(parsed, [.. checks.Select(check => new[] { Word(check), check.Name, check.Detail }), [isWell ? "ok" : "fail", "verdict", isWell ? "everything that must work does" : "something that must work does not, see above"]]);
        return isWell ? CommandLine.Success : CommandLine.Failure;
    }

    private static string Word(Check check) => check.State switch
    {
        CheckStatus.Ok => "ok",
        CheckStatus.Note => "note",
        _ => "fail",
    };
}
