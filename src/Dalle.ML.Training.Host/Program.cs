using Dalle.ML.Training.Host;

return await TrainTool.RunAsync(args, TrainConsole.OfProcess());
