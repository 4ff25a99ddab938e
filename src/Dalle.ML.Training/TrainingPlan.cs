using Dalle.ML.Training.Checkpoints;

namespace Dalle.ML.Training;

/// <summary>What is trained and for how long: sizes of the networks and their schedules.</summary>
internal sealed record TrainingPlan
{
    /// <summary>Folder of the run: checkpoints of the stages, then <c>checkpoint/</c> and <c>model/</c>, the bundle.</summary>
    public required string Folder { get; init; }

    /// <summary>A short name of the model.</summary>
    public string Name { get; init; } = "my-dalle";

    /// <summary>The same seed, plan and data on the same machine give the same model, unless a time limit ends a stage.</summary>
    public int Seed { get; init; }

    /// <summary>Number of text tokens; longer captions are cut.</summary>
    public int TextLength { get; init; } = 24;

    /// <summary>Copies of a network that share a step's images among them, a thread each; all cores of a CPU if null.</summary>
    public int? Replicas { get; init; }

    /// <summary>The device as libtorch names it: <c>cpu</c>, <c>cuda:0</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Whether matrix products and convolutions are computed in bfloat16; where that is fast, if null.</summary>
    public bool? UsesBfloat16 { get; init; }

    /// <summary>Time between checkpoints of a stage; zero for one after every step.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Is given images that show what a stage has learnt.</summary>
    public Action<SampleSheet>? Samples { get; init; }

    /// <summary>Time between sheets of samples.</summary>
    public TimeSpan SamplesEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The model that training starts from, whose sizes the networks then have; new weights if null.</summary>
    public StartingPoint? StartFrom { get; init; }

    /// <summary>Whether the discrete VAE of <see cref="StartFrom"/> stays as it is.</summary>
    public bool FreezesDiscreteVae { get; init; }

    public required DiscreteVaePlan DiscreteVae { get; init; }

    public required TransformerPlan Transformer { get; init; }

    public required ClipPlan Clip { get; init; }

    /// <summary>The smallest networks that learn something: shapes of a few colours, in a minute.</summary>
    public static TrainingPlan Smallest(string folder) => new()
    {
        Folder = folder,
        TextLength = 8,
        DiscreteVae = new()
        {
            Width = 32,
            CodebookSize = 64,
            CodeDim = 8,
            Schedule = new() { Epochs = 60, BatchSize = 16, LearningRate = 3e-3, WarmUpSteps = 10, WeightDecay = 1e-4, Beta2 = 0.99, ClipNorm = 2 },
        },
        Transformer = new()
        {
            Layers = 2,
            Dim = 64,
            Heads = 2,
            Schedule = new() { Epochs = 30, BatchSize = 16, LearningRate = 3e-3, WarmUpSteps = 20, WeightDecay = 0.02, Beta2 = 0.97 },
        },
        Clip = new()
        {
            Width = 16,
            TextWidth = 32,
            Layers = 1,
            Dim = 32,
            Schedule = new() { Epochs = 20, BatchSize = 32, LearningRate = 3e-3, WarmUpSteps = 10, WeightDecay = 0.01 },
        },
    };

    /// <summary>64 × 64 pixels, some hours of a few cores.</summary>
    public static TrainingPlan Small(string folder) => new()
    {
        Folder = folder,
        DiscreteVae = new()
        {
            Width = 128,
            CodebookSize = 2048,
            CodeDim = 32,
            Schedule = new() { Epochs = 40, BatchSize = 32, LearningRate = 2e-3, WarmUpSteps = 100, WeightDecay = 1e-4, Beta2 = 0.99, ClipNorm = 2 },
        },
        Transformer = new()
        {
            Layers = 6,
            Dim = 320,
            Heads = 5,
            Schedule = new() { Epochs = 60, BatchSize = 32, LearningRate = 1.5e-3, WarmUpSteps = 100, WeightDecay = 0.02, Beta2 = 0.97, AverageDecay = 0.999 },
        },
        Clip = new()
        {
            Width = 128,
            TextWidth = 192,
            Layers = 2,
            Dim = 192,
            Schedule = new() { Epochs = 20, BatchSize = 64, LearningRate = 1e-3, WarmUpSteps = 100, WeightDecay = 0.01 },
        },
    };

    /// <summary>For 128 × 128 pixels and a GPU.</summary>
    public static TrainingPlan Medium(string folder) => new()
    {
        Folder = folder,
        TextLength = 48,
        DiscreteVae = new()
        {
            Width = 256,
            CodebookSize = 4096,
            CodeDim = 64,
            Schedule = new() { Epochs = 40, BatchSize = 64, LearningRate = 1e-3, WarmUpSteps = 500, WeightDecay = 1e-4, Beta2 = 0.99, ClipNorm = 2 },
        },
        Transformer = new()
        {
            Layers = 12,
            Dim = 512,
            Heads = 8,
            Schedule = new() { Epochs = 60, BatchSize = 64, LearningRate = 6e-4, WarmUpSteps = 1000, WeightDecay = 0.05, Beta2 = 0.97, AverageDecay = 0.9995 },
        },
        Clip = new()
        {
            Width = 192,
            TextWidth = 384,
            Layers = 4,
            Dim = 384,
            Schedule = new() { Epochs = 20, BatchSize = 256, LearningRate = 6e-4, WarmUpSteps = 500, WeightDecay = 0.05 },
        },
    };
}

/// <summary>How long and how fast a stage learns.</summary>
internal sealed record TrainingSchedule
{
    /// <summary>How often every training image is seen.</summary>
    public required int Epochs { get; init; }

    /// <summary>Images of a step and pass, all replicas together.</summary>
    public required int BatchSize { get; init; }

    /// <summary>Passes of a step, whose gradients are added up.</summary>
    public int Accumulation { get; init; } = 1;

    /// <summary>The highest learning rate.</summary>
    public required double LearningRate { get; init; }

    /// <summary>Steps over which the learning rate rises; it then falls as a cosine.</summary>
    public int WarmUpSteps { get; init; } = 100;

    public double WeightDecay { get; init; } = 0.01;

    public double Beta1 { get; init; } = 0.9;

    public double Beta2 { get; init; } = 0.999;

    /// <summary>The largest norm of all gradients together.</summary>
    public double ClipNorm { get; init; } = 1;

    /// <summary>How slowly the moving average of the weights follows them, which then is the result; none if null.</summary>
    public double? AverageDecay { get; init; }

    /// <summary>The time after which the stage is over even if epochs are left; the learning rate falls accordingly.</summary>
    public TimeSpan? MaxDuration { get; init; }
}

/// <summary>How a discrete VAE quantizes.</summary>
internal enum Quantizer
{
    /// <summary>The nearest code of a codebook of moving averages (van den Oord et al. 2017).</summary>
    Vq,

    /// <summary>The Gumbel relaxation and the logit-Laplace likelihood of DALL·E (Ramesh et al. 2021).</summary>
    Gumbel,
}

/// <summary>Stage 1.</summary>
internal sealed record DiscreteVaePlan
{
    /// <summary>Channels of the encoder at the size of the grid of tokens.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the decoder there; as many if null.</summary>
    public int? DecoderWidth { get; init; }

    /// <summary>Number of residual blocks of the encoder.</summary>
    public int Blocks { get; init; } = 3;

    /// <summary>Number of image tokens that there are.</summary>
    public required int CodebookSize { get; init; }

    /// <summary>Channels of a codebook entry.</summary>
    public required int CodeDim { get; init; }

    public Quantizer Quantizer { get; init; }

    /// <summary>The part of the stage after which only the decoder learns, from tokens that no longer change.</summary>
    public double FreezeAt { get; init; } = 0.8;

    public required TrainingSchedule Schedule { get; init; }
}

/// <summary>Stage 2.</summary>
internal sealed record TransformerPlan
{
    public required int Layers { get; init; }

    public required int Dim { get; init; }

    public required int Heads { get; init; }

    /// <summary>Whether the layers attend by row, column and window as the paper's do, in place of to all.</summary>
    public bool IsSparse { get; init; }

    /// <summary>Probability that a merge of a caption's tokens is left out (Provilkov et al. 2020).</summary>
    public double BpeDropout { get; init; } = 0.1;

    /// <summary>The part of the captions that is left out, so that there is an unconditional prompt for guidance.</summary>
    public double TextDropout { get; init; } = 0.1;

    public required TrainingSchedule Schedule { get; init; }
}

/// <summary>Stage 3.</summary>
internal sealed record ClipPlan
{
    /// <summary>Channels of the image tower.</summary>
    public required int Width { get; init; }

    /// <summary>Channels of the text tower.</summary>
    public required int TextWidth { get; init; }

    /// <summary>Layers of the text tower.</summary>
    public required int Layers { get; init; }

    /// <summary>Dimension of the embeddings.</summary>
    public required int Dim { get; init; }

    /// <summary>The part of the images that pass through the discrete VAE, as all that CLIP will rank have.</summary>
    public double Reconstructed { get; init; } = 0.5;

    public required TrainingSchedule Schedule { get; init; }
}
