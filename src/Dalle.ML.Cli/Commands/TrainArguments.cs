using System.CommandLine;

namespace Dalle.ML.Cli;

/// <summary>The command line of <c>dalle train</c>, which is also that of <c>dalle-train</c>, the program behind it.</summary>
internal static class TrainArguments
{
    public static readonly Argument<string> Data = new("data") { HelpName = "data", Description = "Folder of images, or list of images and captions: .csv, .tsv, .jsonl." };

    public static readonly Option<string> Output = new("--output", "-o") { HelpName = "folder", Description = "Folder of the run; the model is in its folder 'model'.", Required = true };

    public static readonly Option<string> Size = new Option<string>("--size") { HelpName = "size", Description = "tiny, small (64 pixels) or medium (128 pixels, for a GPU).", DefaultValueFactory = _ => "small", CompletionSources = { "tiny", "small", "medium" } }
        .MustBe(size => size is "tiny" or "small" or "medium", "tiny, small or medium");

    public static readonly Option<double?> Hours = new Option<double?>("--hours") { HelpName = "n", Description = "Longest time in all, earlier runs included [default: no limit]." }
        .MustBeNumber(0.001, 10_000);

    public static readonly Option<string> Stage = new Option<string>("--stage") { HelpName = "stage", Description = "Train only dvae, transformer or clip.", CompletionSources = { "dvae", "transformer", "clip" } }
        .MustBe(stage => stage is "dvae" or "transformer" or "clip", "dvae, transformer or clip");

    public static readonly Option<bool> NoClip = new("--no-clip") { Description = "Train no CLIP: candidates are then not ranked." };

    public static readonly Option<int?> DiscreteVaeEpochs = Epochs("--dvae-epochs", "the discrete VAE");

    public static readonly Option<int?> TransformerEpochs = Epochs("--transformer-epochs", "the transformer");

    public static readonly Option<int?> ClipEpochs = Epochs("--clip-epochs", "CLIP");

    public static readonly Option<int?> BatchSize = new Option<int?>("--batch-size") { HelpName = "n", Description = "Images per training step." }
        .MustBeNumber(1, 65536);

    public static readonly Option<string> Images = new("--images") { HelpName = "folder", Description = "Folder that the paths of a list start from [default: the list's]." };

    public static readonly Option<string> ImageColumn = new("--image-column") { HelpName = "name", Description = "Column of paths in a list [default: path, file, …]." };

    public static readonly Option<string> CaptionColumn = new("--caption-column") { HelpName = "name", Description = "Column of captions in a list [default: caption, text, …]." };

    public static readonly Option<int?> ImageSize = new Option<int?>("--image-size") { HelpName = "n", Description = "Width and height of images, a multiple of 8." }
        .MustBeNumber(16, 256);

    public static readonly Option<int?> TextLength = new Option<int?>("--text-length") { HelpName = "n", Description = "Text tokens that the model reads; longer captions are cut." }
        .MustBeNumber(1, 256);

    public static readonly Option<int> Vocabulary = new Option<int>("--vocabulary") { HelpName = "n", Description = "Text tokens that are learnt from the captions.", DefaultValueFactory = _ => 2048 }
        .MustBeNumber(256, 65536);

    public static readonly Option<string> StartFrom = new("--start-from") { HelpName = "model", Description = "Model to train further: 'builtin', a bundle or a checkpoint." };

    public static readonly Option<bool> FreezeDiscreteVae = new("--freeze-dvae") { Description = "Keep the discrete VAE of --start-from as it is." };

    public static readonly Option<bool> Gumbel = new("--gumbel") { Description = "Train the discrete VAE by the paper's Gumbel relaxation." };

    public static readonly Option<bool> SparseAttention = new("--sparse-attention") { Description = "Attention by row, column and convolution, as in the paper." };

    public static readonly Option<double> Validation = new Option<double>("--validation") { HelpName = "n", Description = "Part of the images that is only measured.", DefaultValueFactory = _ => 0.05 }
        .MustBeNumber(0, 0.5);

    public static readonly Option<double> MaxUnreadable = new Option<double>("--max-unreadable") { HelpName = "n", Description = "Part of the images that may be unreadable.", DefaultValueFactory = _ => 0.1 }
        .MustBeNumber(0, 1);

    public static readonly Option<bool> Flips = new("--flips") { Description = "Learn images mirrored too." };

    public static readonly Option<string> Name = new("--name") { HelpName = "name", Description = "Name of the model.", DefaultValueFactory = _ => "my-dalle" };

    public static readonly Option<int> Seed = new Option<int>("--seed") { HelpName = "n", Description = "Seed of the training." }
        .MustBeNumber(0, int.MaxValue);

    public static readonly Option<string> Device = new Option<string>("--device") { HelpName = "device", Description = "cpu, cuda or cuda:N.", DefaultValueFactory = _ => "cpu", CompletionSources = { "cpu", "cuda" } }
        .MustParse(DalleDevice.Parse, "cpu, cuda or cuda:N");

    public static readonly Option<int?> Threads = new Option<int?>("--threads") { HelpName = "n", Description = "CPU threads [default: one per core]." }
        .MustBeNumber(1, 1024);

    public static readonly Option<double> CheckpointEvery = new Option<double>("--checkpoint-every") { HelpName = "n", Description = "Minutes between checkpoints.", DefaultValueFactory = _ => 1 }
        .MustBeNumber(0, 1440);

    public static readonly Option<double> SamplesEvery = new Option<double>("--samples-every") { HelpName = "n", Description = "Minutes between sheets of samples.", DefaultValueFactory = _ => 10 }
        .MustBeNumber(0, 1440);

    public static readonly Option<bool> Json = new("--json") { Description = "Report the result as a line of JSON." };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "No progress and no remarks." };

    public const string Description = "Train a DALL·E on your own images and captions.";

    public static string[] Examples { get; } =
    [
        "dalle train photos -o run --hours 2",
        "dalle train captions.csv -o run --size tiny --dvae-epochs 20",
        "dalle train captions.jsonl -o run --images photos --device cuda --size medium",
    ];

    /// <summary>Adds arguments and options to a command.</summary>
    public static void AddTo(Command command)
    {
        command.Add(Data);
        foreach (var option in new Option[]
        {
            Output, Size, Hours, Stage, NoClip, DiscreteVaeEpochs, TransformerEpochs, ClipEpochs, BatchSize, Images, ImageColumn, CaptionColumn, ImageSize,
            TextLength, Vocabulary, StartFrom, FreezeDiscreteVae, Gumbel, SparseAttention, Validation, MaxUnreadable, Flips, Name, Seed, Device, Threads,
            CheckpointEvery, SamplesEvery, Json, Quiet,
        })
        {
            command.Add(option);
        }
    }

    private static Option<int?> Epochs(string name, string what) => new Option<int?>(name) { HelpName = "n", Description = $"How often {what} sees each image." }
        .MustBeNumber(1, 1_000_000);
}
