using System.CommandLine;
using Dalle.ML.Cli;
using Dalle.ML.Cli.Batch;

var root = new RootCommand("DALL·E for .NET: text to image from the command line. Exit codes: 0, 1 failure, 2 usage, 130 interrupted.")
{
    GenerateCommand.Create(),
    CompleteCommand.Create(),
    EncodeCommand.Create(),
    DecodeCommand.Create(),
    ReconstructCommand.Create(),
    ScoreCommand.CreateScore(),
    ScoreCommand.CreateRank(),
    ClassifyCommand.Create(),
    BatchCommand.Create(),
    InfoCommand.Create(),
    VerifyCommand.Create(),
    DoctorCommand.Create(),
    BenchCommand.Create(),
    ExportCommand.Create(),
};
HelpWithExamples.AddTo(root);
return await CommandRunner.RunAsync(root, args);
