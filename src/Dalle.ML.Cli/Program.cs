using System.CommandLine;
using Dalle.ML.Cli;

var root = new RootCommand("DALL·E for .NET: text to image from the command line.")
{
    GenerateCommand.Create(),
    Dalle.ML.Cli.Batch.BatchCommand.Create(),
    ExportCommand.Create(),
};
return await CommandRunner.RunAsync(root, args);
