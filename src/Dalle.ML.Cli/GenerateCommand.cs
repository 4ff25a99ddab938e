using System.CommandLine;

namespace Dalle.ML.Cli;

internal static class GenerateCommand
{
    public static Command Create() => new("generate");
}
