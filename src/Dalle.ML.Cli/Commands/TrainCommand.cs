namespace Dalle.ML.Cli;

/// <summary>
/// <c>dalle train</c>. The program that trains comes with half a gigabyte of libtorch, so it is a tool of its own, <c>dalle-train</c>; this command checks
/// its command line and hands it over, as git does with its external commands.
/// </summary>
internal static class TrainCommand
{
    public static ToolCommand Create()
    {
        var command = new ToolCommand("train", TrainArguments.Description, TrainArguments.Examples);
        TrainArguments.AddTo(command);
        command.SetAction((parsed, cancellationToken) => TrainProcess.RunAsync(parsed.Console(), parsed.Tokens.Skip(1).Select(token => token.Value), cancellationToken));
        return command;
    }
}
