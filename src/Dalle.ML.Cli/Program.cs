using Dalle.ML.Cli;

return await CommandLine.RunAsync(args, ToolConsole.OfProcess());
