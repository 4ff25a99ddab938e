using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Tests;
using Dalle.ML.Training.Checkpoints;
using Dalle.ML.Training.Data;
using Dalle.ML.Training.Optimisation;
using TorchSharp;
using static TorchSharp.torch;

namespace Dalle.ML.Training.Tests;

/// <summary>
/// The recipes in Python and we train the same: from the same checkpoint the same images give the same losses, step by step; and each goes
/// on from what the other wrote.
/// </summary>
public sealed class RecipeEqualityTests(ITestOutputHelper output)
{
    private const string Python = "/usr/bin/python3";
    private const int ImageSize = 64, Images = 24, BatchSize = 8, Steps = 5, Total = 12;

    private static readonly Lazy<string?> Missing = new(() =>
        File.Exists(Python) && Run("-c", "import torch, numpy; import sys; sys.path.append('onnx/training'); import sprites; sprites.atlas()").Code == 0
            ? null
            : "PyTorch, Noto Color Emoji or CLDR is missing: apt-get install python3-torch fonts-noto-color-emoji unicode-cldr-core.");

    [Theory]
    [InlineData(TrainingStage.DiscreteVae, "vq", 0.5, false)]
    [InlineData(TrainingStage.DiscreteVae, "vq", 0.9, true)]
    [InlineData(TrainingStage.DiscreteVae, "gumbel", 0.0, false)]
    [InlineData(TrainingStage.Transformer, "full", 1.0, false)]
    [InlineData(TrainingStage.Transformer, "full", 1.0, true)]
    [InlineData(TrainingStage.Transformer, "sparse", 1.0, false)]
    [InlineData(TrainingStage.Clip, "", 1.0, false)]
    public void Losses_are_those_of_the_recipes(TrainingStage stage, string kind, double freezeAt, bool isBfloat16)
    {
        TorchSupport.Require();
        Assert.SkipWhen(Missing.Value is not null, Missing.Value ?? "");
        using var folder = new TemporaryFolder();
        using var set = Shapes.Set(ImageSize, Images, validation: 0);
        var (ours, theirs) = (Path.Combine(folder.Path, "ours"), Directory.CreateDirectory(Path.Combine(folder.Path, "theirs")).FullName);
        var plan = Plan(ours, kind, freezeAt, isBfloat16);
        if (stage != TrainingStage.DiscreteVae)
            Assert.True(new Trainer(set, plan).Run(TrainingStage.DiscreteVae));
        // A step, so that the tokens are there; then the checkpoint of no step.
        Assert.False(new Trainer(set, plan).Run(stage, until: 1));
        File.Delete(TrainingCheckpoint.PathOf(ours, stage));
        Assert.False(new Trainer(set, plan).Run(stage, until: 0));
        var file = Path.GetFileName(TrainingCheckpoint.PathOf(ours, stage));
        File.Copy(Path.Combine(ours, file), Path.Combine(theirs, file));
        WriteData(set, plan, stage, theirs);

        var trainer = new Trainer(set, plan);
        trainer.Run(stage, until: Steps);
        Compare(trainer, Recipe(plan, stage, theirs, freezeAt), isBfloat16);

        // Each goes on with what the other has written.
        File.Copy(Path.Combine(ours, file), Path.Combine(theirs, "swap"));
        File.Move(Path.Combine(theirs, file), Path.Combine(ours, file), overwrite: true);
        File.Move(Path.Combine(theirs, "swap"), Path.Combine(theirs, file));
        trainer = new Trainer(set, plan);
        trainer.Run(stage, until: 2 * Steps);
        Assert.Equal(Steps + 1, trainer.Reports[0].Step);
        Compare(trainer, Recipe(plan, stage, theirs, freezeAt), isBfloat16);
    }

    private static TrainingPlan Plan(string folder, string kind, double freezeAt, bool isBfloat16)
    {
        var plan = TrainingPlan.Smallest(folder);
        const int Epochs = Total * BatchSize / Images;
        return plan with
        {
            Replicas = 1,
            UsesBfloat16 = isBfloat16,
            DiscreteVae = plan.DiscreteVae with
            {
                Quantizer = kind == "gumbel" ? Quantizer.Gumbel : Quantizer.Vq,
                FreezeAt = freezeAt,
                Schedule = plan.DiscreteVae.Schedule with { BatchSize = BatchSize, Epochs = Epochs, WarmUpSteps = 3 },
            },
            Transformer = plan.Transformer with
            {
                Layers = kind == "sparse" ? 3 : 2,
                IsSparse = kind == "sparse",
                TextDropout = 0,
                BpeDropout = 0,
                Schedule = plan.Transformer.Schedule with { BatchSize = BatchSize, Epochs = Epochs, WarmUpSteps = 3 },
            },
            Clip = plan.Clip with { Reconstructed = 0, Schedule = plan.Clip.Schedule with { BatchSize = BatchSize, Epochs = Epochs, WarmUpSteps = 3 } },
        };
    }

    private static TrainingSchedule Schedule(TrainingPlan plan, TrainingStage stage) => stage switch
    {
        TrainingStage.DiscreteVae => plan.DiscreteVae.Schedule,
        TrainingStage.Transformer => plan.Transformer.Schedule,
        _ => plan.Clip.Schedule,
    };

    private static void WriteData(TrainingSet set, TrainingPlan plan, TrainingStage stage, string folder)
    {
        var pixels = new byte[Images * 3 * ImageSize * ImageSize];
        var (text, length) = (new TrainingText(Trainer.EmojiFolder), plan.TextLength);
        var ids = new int[Images * length];
        for (var i = 0; i < Images; i++)
        {
            set.ReadImage(i, pixels.AsSpan(i * 3 * ImageSize * ImageSize, 3 * ImageSize * ImageSize));
            var words = text.Encode(set.Captions(i)[0], 0, Random.Shared);
            for (var j = 0; j < length; j++)
                ids[i * length + j] = j < words.Length ? words[j] : text.VocabularySize + j;
        }
        var order = Enumerable.Range(0, Total * BatchSize / Images).SelectMany(epoch =>
        {
            int[] images = [.. set.Training];
            new Random(new StepSeeds(plan.Seed, stage).Order(epoch)).Shuffle(images);
            return images;
        }).ToArray();
        using var scope = NewDisposeScope();
        List<(string, torch.Tensor)> tensors =
        [
            ("pixels", tensor(Array.ConvertAll(pixels, value => (int)value), [Images, ImageSize, ImageSize, 3]).to(ScalarType.Float32)),
            ("text", tensor(ids, [Images, length])),
            ("order", tensor(order, [Total, BatchSize])),
        ];
        if (stage == TrainingStage.Transformer)
        {
            using var tokens = Checkpoint.Open(Path.Combine(plan.Folder, "tokens.safetensors"));
            tensors.Add(("tokens", tensor(Array.ConvertAll(tokens.Read("tokens").Values, value => (int)value), [Images, 64])));
        }
        SafetensorsWriter.Write(Path.Combine(folder, "data.safetensors"), tensors);
    }

    /// <summary>The losses of the recipe's next steps from the checkpoint that lies there, where it then writes its own.</summary>
    private static List<Dictionary<string, double>> Recipe(TrainingPlan plan, TrainingStage stage, string folder, double freezeAt)
    {
        var schedule = Schedule(plan, stage);
        var options = JsonSerializer.Serialize(new
        {
            stage = Path.GetFileNameWithoutExtension(TrainingCheckpoint.PathOf("", stage)),
            steps = Steps,
            first = 0,
            total = Total,
            freeze = freezeAt,
            bfloat16 = plan.UsesBfloat16,
            schedule = new
            {
                rate = schedule.LearningRate,
                beta1 = schedule.Beta1,
                beta2 = schedule.Beta2,
                decay = schedule.WeightDecay,
                clip = schedule.ClipNorm,
                warmup = schedule.WarmUpSteps,
            },
        });
        var (code, text) = Run("tests/Dalle.ML.Training.Tests/recipe_losses.py", "onnx/training", folder, options);
        Assert.True(code == 0, text);
        return JsonSerializer.Deserialize<List<Dictionary<string, double>>>(text)!;
    }

    private void Compare(Trainer trainer, List<Dictionary<string, double>> expected, bool isBfloat16)
    {
        Assert.Equal(Steps, expected.Count);
        Assert.Equal(Steps, trainer.Reports.Count);
        foreach (var (report, theirs) in trainer.Reports.Zip(expected))
        {
            foreach (var (name, value) in report.Losses.Where(loss => loss.Key != "temperature"))
            {
                output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Step} {name} {value:R} {theirs[name]:R}"));
                Assert.Equal(theirs[name], value, (isBfloat16 ? 2e-2 : 2e-4) * Math.Max(0.05, Math.Abs(theirs[name])));
            }
        }
    }

    private static (int Code, string Output) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo(Python, arguments) { WorkingDirectory = Repository.Root, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var text = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text);
    }
}
