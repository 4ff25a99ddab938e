using System.CommandLine;
using Dalle.ML.Cli;

var root = new RootCommand("DALL·E for .NET: text to image from the command line.")
{
    GenerateCommand.Create(),
    CompleteCommand.Create(),
    ExportCommand.Create(),
};
HelpWithExamples.AddTo(root);
return await CommandRunner.RunAsync(root, args);
