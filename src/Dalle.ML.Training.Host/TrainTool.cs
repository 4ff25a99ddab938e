using System.CommandLine;
using Dalle.ML.Cli;
using Dalle.ML.Training.Data;

namespace Dalle.ML.Training.Host;

/// <summary>Runs a command line: the result goes to standard output, everything else to standard error.</summary>
internal static class TrainTool
{
    private const int Success = 0;
    private const int Failure = 1;
    private const int Usage = 2;
    private const int Interrupted = 130;

    private static readonly RootCommand Root = CreateRoot();

    public static async Task<int> RunAsync(string[] arguments, TrainConsole console)
    {
        var parsed = Root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (parsed.Action is { ClearsParseErrors: true })
            return await parsed.InvokeAsync(new InvocationConfiguration { Output = console.Output, Error = console.Error });
        if (parsed.Errors.Count > 0)
        {
            foreach (var error in parsed.Errors)
                Say(error.Message);
            Say("Run 'dalle train --help' for the options.");
            return Usage;
        }
        try
        {
            // On another thread, so that the bar stays alive.
            var result = await TrainDisplay.RunAsync(console, !parsed.GetValue(TrainArguments.Quiet), display => Train(parsed, console, display));
            Tell(parsed, result, console);
            return result.IsFinished ? Success : Interrupted;
        }
        catch (OperationCanceledException)
        {
            Say("interrupted before there is a model; what was learnt so far is kept. Start it again to go on.");
            return Interrupted;
        }
        catch (ArgumentException exception)
        {
            Say(exception.Message.Split(" (Parameter")[0]);
            return Usage;
        }
        catch (Exception exception) when (exception is IOException or InvalidDataException or InvalidOperationException or UnauthorizedAccessException or DllNotFoundException or NotSupportedException or DalleDeviceException or DalleBundleException)
        {
            Say(exception.Message);
            return Failure;
        }

        void Say(string text) => console.Error.WriteLine($"dalle: {text}");
    }

    private static RootCommand CreateRoot()
    {
        var root = new RootCommand(TrainArguments.Description + " The program behind 'dalle train'.");
        TrainArguments.AddTo(root);
        return root;
    }

    private static TrainingResult Train(ParseResult parsed, TrainConsole console, TrainDisplay display)
    {
        var options = Options(parsed, console, display).Checked();
        var stages = Stages(parsed);
        var source = CaptionedImages.Find(
            parsed.GetRequiredValue(TrainArguments.Data), parsed.GetValue(TrainArguments.Images),
            new CaptionColumns(parsed.GetValue(TrainArguments.ImageColumn), parsed.GetValue(TrainArguments.CaptionColumn)), display.Note);
        display.Note($"training into '{options.Folder}'; Ctrl+C saves and ends, and the same command goes on.");
        var device = DalleDevice.Parse(parsed.GetRequiredValue(TrainArguments.Device));
        return new TrainingRun(options, device.GpuDeviceId is { } id ? FormattableString.Invariant($"cuda:{id}") : "cpu", display.Note)
        {
            Reading = count => display.Read(count, source.Count!.Value),
        }.Train(source, stages);
    }

    private static TrainingStage[] Stages(ParseResult parsed) => parsed.GetValue(TrainArguments.Stage) switch
    {
        "dvae" => [TrainingStage.DiscreteVae],
        "transformer" => [TrainingStage.Transformer],
        "clip" => [TrainingStage.Clip],
        _ => [TrainingStage.DiscreteVae, TrainingStage.Transformer, .. parsed.GetValue(TrainArguments.NoClip) ? Array.Empty<TrainingStage>() : [TrainingStage.Clip]],
    };

    private static DalleTrainingOptions Options(ParseResult parsed, TrainConsole console, TrainDisplay display) => new()
    {
        Folder = parsed.GetRequiredValue(TrainArguments.Output),
        Size = Enum.Parse<DalleSize>(parsed.GetRequiredValue(TrainArguments.Size), ignoreCase: true),
        ImageSize = parsed.GetValue(TrainArguments.ImageSize),
        TextLength = parsed.GetValue(TrainArguments.TextLength),
        VocabularySize = parsed.GetValue(TrainArguments.Vocabulary),
        MaxDuration = parsed.GetValue(TrainArguments.Hours) is { } hours ? TimeSpan.FromHours(hours) : null,
        DiscreteVaeEpochs = parsed.GetValue(TrainArguments.DiscreteVaeEpochs),
        TransformerEpochs = parsed.GetValue(TrainArguments.TransformerEpochs),
        ClipEpochs = parsed.GetValue(TrainArguments.ClipEpochs),
        BatchSize = parsed.GetValue(TrainArguments.BatchSize),
        UsesGumbel = parsed.GetValue(TrainArguments.Gumbel),
        UsesSparseAttention = parsed.GetValue(TrainArguments.SparseAttention),
        StartFrom = parsed.GetValue(TrainArguments.StartFrom),
        FreezeDiscreteVae = parsed.GetValue(TrainArguments.FreezeDiscreteVae),
        ValidationFraction = parsed.GetValue(TrainArguments.Validation),
        MaxUnreadable = parsed.GetValue(TrainArguments.MaxUnreadable),
        Flips = parsed.GetValue(TrainArguments.Flips),
        Name = parsed.GetRequiredValue(TrainArguments.Name),
        Seed = parsed.GetValue(TrainArguments.Seed),
        Threads = parsed.GetValue(TrainArguments.Threads),
        CheckpointEvery = TimeSpan.FromMinutes(parsed.GetValue(TrainArguments.CheckpointEvery)),
        SamplesEvery = TimeSpan.FromMinutes(parsed.GetValue(TrainArguments.SamplesEvery)),
        Progress = display,
        CancellationToken = console.Interrupted,
    };

    private static void Tell(ParseResult parsed, TrainingResult result, TrainConsole console)
    {
        console.Output.WriteLine(parsed.GetValue(TrainArguments.Json)
            ? JsonLine.Text(new { result.Bundle, result.IsFinished })
            : result.Bundle);
        if (!result.IsFinished)
            console.Error.WriteLine("dalle: interrupted; everything is saved, and this is the model so far. Run the same command to go on.");
        if (!parsed.GetValue(TrainArguments.Quiet) && parsed.GetValue(TrainArguments.Stage) != "dvae")
            console.Error.WriteLine($"dalle: try it: dalle generate -m {result.Bundle} \"{result.Example?.Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
    }
}
