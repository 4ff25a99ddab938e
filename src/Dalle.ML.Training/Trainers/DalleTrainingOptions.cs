using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Training;

/// <summary>Options of the trainers of Dalle.ML: what is trained, from which data, how long and where.</summary>
public sealed record DalleTrainingOptions
{
    /// <summary>Name of the image column, <see cref="MLImage"/> of any sizes: each is scaled and its centre cropped, as the trained model does it.</summary>
    public string ImageColumnName { get; init; } = "Image";

    /// <summary>
    /// Name of the caption column, text. It is also the column of prompts that the trained transformer reads. An image of several captions is as many
    /// rows: equal images are learnt once, with all of their captions.
    /// </summary>
    public string CaptionColumnName { get; init; } = "Caption";

    /// <summary>Name of the image column that the trained transformer makes.</summary>
    public string OutputColumnName { get; init; } = "Image";

    /// <summary>
    /// Folder of the run: decoded images, vocabulary, checkpoints, and in the end the model bundle in <c>model</c>. Training that was interrupted
    /// goes on from it; remove the folder to begin anew.
    /// </summary>
    public required string Folder { get; init; }

    /// <summary>Sizes of images and networks. Each of the following options that is null has the value of the size.</summary>
    public DalleSize Size { get; init; } = DalleSize.Small;

    /// <summary>Width and height of images in pixels, a multiple of 8 from 16 to 256.</summary>
    public int? ImageSize { get; init; }

    /// <summary>Number of text tokens that the model reads of a prompt, 1 to 256; longer captions are cut.</summary>
    public int? TextLength { get; init; }

    /// <summary>Number of text tokens that are learnt from the captions, the 256 bytes included; with <see cref="StartFrom"/>, the most that are added.</summary>
    public int VocabularySize { get; init; } = 2048;

    /// <summary>
    /// The longest time that training takes in all, that of earlier runs of the folder included. TrainDalle gives a quarter of it to the discrete VAE and
    /// 15 % to CLIP. The learning rate falls accordingly. No limit if null: then the epochs alone decide.
    /// </summary>
    public TimeSpan? MaxDuration { get; init; }

    /// <summary>How often the discrete VAE sees each image.</summary>
    public int? DiscreteVaeEpochs { get; init; }

    /// <summary>How often the transformer sees each image.</summary>
    public int? TransformerEpochs { get; init; }

    /// <summary>How often CLIP sees each image.</summary>
    public int? ClipEpochs { get; init; }

    /// <summary>Images per training step, in every stage.</summary>
    public int? BatchSize { get; init; }

    /// <summary>Whether TrainDalle trains CLIP too, by which the model ranks its candidates.</summary>
    public bool TrainsClip { get; init; } = true;

    /// <summary>
    /// Whether the discrete VAE is trained as DALL·E's, by the Gumbel relaxation and the logit-Laplace likelihood, in place of vector quantization with
    /// moving averages, which takes half the time.
    /// </summary>
    public bool UsesGumbel { get; init; }

    /// <summary>Whether the transformer attends by row, column and convolution as DALL·E's does, in place of to everything.</summary>
    public bool UsesSparseAttention { get; init; }

    /// <summary>
    /// A model of the family <c>dalle</c> to train further: <c>builtin</c>, the model that comes with the library; a bundle in fp32 or fp16, by its folder
    /// or name as in <see cref="DalleModel.Load"/>; or the folder of a checkpoint, such as <c>checkpoint</c> in that of another run. Words of the
    /// captions that its vocabulary lacks are added. New networks if null.
    /// </summary>
    public string? StartFrom { get; init; }

    /// <summary>Whether the discrete VAE of <see cref="StartFrom"/> stays as it is, which suits images of the same kind.</summary>
    public bool FreezeDiscreteVae { get; init; }

    /// <summary>The part of the images, 0 to 0.5, that is only measured and never learnt from.</summary>
    public double ValidationFraction { get; init; } = 0.05;

    /// <summary>The part of the images, 0 to 1, that may be unreadable: they are named in the log and left out. If more are, training does not begin.</summary>
    public double MaxUnreadable { get; init; } = 0.1;

    /// <summary>Whether images are also learnt mirrored left to right. Do not use it where captions tell left from right, or images contain text.</summary>
    public bool Flips { get; init; }

    /// <summary>A short name of the model.</summary>
    public string Name { get; init; } = "my-dalle";

    /// <summary>
    /// Seed of everything that is random; that of the context if null, and 0 if the context has none, so that training goes on in its folder. A time
    /// limit makes a run depend on the machine's speed all the same.
    /// </summary>
    public int? Seed { get; init; }

    /// <summary>Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</summary>
    public int? GpuDeviceId { get; init; }

    /// <summary>Whether to run on the CPU, with a warning, if <see cref="GpuDeviceId"/> cannot be used.</summary>
    public bool FallbackToCpu { get; init; }

    /// <summary>Threads of a CPU; one for each core if null.</summary>
    public int? Threads { get; init; }

    /// <summary>Time between checkpoints, which is lost at most if the process is killed.</summary>
    public TimeSpan CheckpointEvery { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// Time between sheets of samples, which show what is learnt so far: PNG files in <c>samples</c> in the folder of the run.
    /// </summary>
    public TimeSpan SamplesEvery { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Receives a report at each training step.</summary>
    public IProgress<TrainingProgress>? Progress { get; init; }

    /// <summary>
    /// Ends training early, after the current step: the result is the model so far, and the same call goes on from there. Before there is a model
    /// that generates, <see cref="OperationCanceledException"/> is thrown; what was learnt is kept in that case too.
    /// </summary>
    public CancellationToken CancellationToken { get; init; }

    /// <exception cref="ArgumentException">A value is out of range.</exception>
    internal DalleTrainingOptions Checked()
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(Folder);
        ArgumentException.ThrowIfNullOrEmpty(ImageColumnName);
        ArgumentException.ThrowIfNullOrEmpty(CaptionColumnName);
        ArgumentException.ThrowIfNullOrEmpty(OutputColumnName);
        ArgumentException.ThrowIfNullOrWhiteSpace(Name);
        Check(Enum.IsDefined(Size), nameof(Size), Size, "Tiny, Small or Medium");
        Check(ImageSize is null or (>= 16 and <= 256) && ImageSize.GetValueOrDefault() % 8 == 0, nameof(ImageSize), ImageSize, "a multiple of 8 from 16 to 256");
        Check(TextLength is null or (>= 1 and <= 256), nameof(TextLength), TextLength, "1 to 256");
        Check(VocabularySize is >= 256 and <= 65536, nameof(VocabularySize), VocabularySize, "256 to 65536");
        Check(MaxDuration is null || MaxDuration > TimeSpan.Zero, nameof(MaxDuration), MaxDuration, "longer than zero");
        Check(DiscreteVaeEpochs is null or > 0, nameof(DiscreteVaeEpochs), DiscreteVaeEpochs, "1 or more");
        Check(TransformerEpochs is null or > 0, nameof(TransformerEpochs), TransformerEpochs, "1 or more");
        Check(ClipEpochs is null or > 0, nameof(ClipEpochs), ClipEpochs, "1 or more");
        Check(BatchSize is null or (> 0 and <= 65536), nameof(BatchSize), BatchSize, "1 to 65536");
        Check(ValidationFraction is >= 0 and <= 0.5, nameof(ValidationFraction), ValidationFraction, "0 to 0.5");
        Check(MaxUnreadable is >= 0 and <= 1, nameof(MaxUnreadable), MaxUnreadable, "0 to 1");
        Check(Threads is null or (> 0 and <= 1024), nameof(Threads), Threads, "1 to 1024");
        Check(CheckpointEvery >= TimeSpan.Zero, nameof(CheckpointEvery), CheckpointEvery, "zero or more");
        Check(SamplesEvery >= TimeSpan.Zero, nameof(SamplesEvery), SamplesEvery, "zero or more");
        Check(GpuDeviceId is null or >= 0, nameof(GpuDeviceId), GpuDeviceId, "0 or more");
        if (FreezeDiscreteVae && StartFrom is null)
            throw new ArgumentException($"{nameof(FreezeDiscreteVae)} keeps the discrete VAE of another model: name it by {nameof(StartFrom)}.");
        return this;
    }

    private static void Check(bool isValid, string option, object? value, string range)
    {
        if (!isValid)
            throw new ArgumentOutOfRangeException(option, value, FormattableString.Invariant($"{option} must be {range}."));
    }
}
