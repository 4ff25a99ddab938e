using System.Text.Json.Serialization;

namespace Dalle.ML.Bundles;

/// <summary>
/// DALL·E 2 (unCLIP): a text becomes an image embedding by the prior, the embedding a small image by the first of the stages, and each further stage
/// makes that larger.
/// </summary>
/// <remarks>
/// All networks are told their inputs by name; docs/bundle-format.md lists the names. A graph takes those of them that it needs, so nothing here
/// says whether a network sees the text: its inputs do.
/// </remarks>
internal sealed record UnclipGraphs
{
    /// <summary>Number of values of an image embedding.</summary>
    [JsonPropertyName("embedding")]
    public required int EmbeddingDimension { get; init; }

    /// <summary>The text tower; null where no network takes a text.</summary>
    public UnclipText? Text { get; init; }

    /// <summary>The image tower, for variations of an image; null where the checkpoint has none.</summary>
    public UnclipImage? Image { get; init; }

    /// <summary>From the text to an image embedding; null in a bundle that only decodes embeddings.</summary>
    public DiffusionPriorGraphs? Prior { get; init; }

    /// <summary>The networks that make the image, smallest first; empty in a bundle of the prior alone.</summary>
    public IReadOnlyList<DiffusionStage> Stages { get; set; } = [];
}

/// <summary>The text tower of CLIP as DALL·E 2 uses it.</summary>
internal sealed record UnclipText
{
    /// <summary>File of the graph from <c>ids</c> int64 [N,L] to <c>pooled</c> [N,D], <c>sequence</c> [N,L,W] and <c>mask</c> bool [N,L], true where there is text.</summary>
    public required string File { get; init; }

    public required TextFormat Format { get; init; }
}

/// <summary>The image tower of CLIP as DALL·E 2 uses it.</summary>
internal sealed record UnclipImage
{
    /// <summary>File of the graph from <c>pixels</c> [N,3,S,S] in 0..1 to <c>features</c> [N,D], the embedding that the stages take.</summary>
    public required string File { get; init; }

    /// <summary>Side of the square image that the graph takes, in pixels.</summary>
    public required int Size { get; init; }

    public ResampleFilter Resample { get; init; } = ResampleFilter.Bicubic;

    /// <summary>How an image that is not square becomes so.</summary>
    public Fit Fit { get; init; }

    /// <summary>
    /// Whether the resized image has eight bits a colour, as Pillow's has; otherwise colours keep their fractions, and the filter sees zeros beyond the
    /// border, as ResizeRight's.
    /// </summary>
    public bool Rounds { get; init; } = true;
}

/// <summary>The diffusion prior: samples an image embedding.</summary>
internal sealed record DiffusionPriorGraphs
{
    /// <summary>File of the graph that is run once for a text; its outputs are inputs of <see cref="File"/> of the same names.</summary>
    public string? Condition { get; init; }

    /// <summary>File of the graph of a step, from <c>x</c> [N,D] and <c>t</c> int64 [N] to <c>prediction</c> [N,D].</summary>
    public required string File { get; init; }

    public required DiffusionRules Diffusion { get; init; }

    /// <summary>
    /// File of 2·D little-endian 32-bit floats, D means and D deviations: the embedding is x · deviation + mean. Without it, x is the embedding.
    /// </summary>
    public string? Statistics { get; init; }

    /// <summary>Whether its rows with and without text differ, so that guidance has an effect.</summary>
    public bool HeedsGuidance { get; init; } = true;

    /// <summary>Number of embeddings that are sampled by default, of which the one nearest to <c>pooled</c> is taken.</summary>
    public int Candidates { get; set; } = 1;

    /// <summary>Length to which the initial noise is brought; null where it is left as it is.</summary>
    public float? NoiseLength { get; init; }

    /// <summary>Length to which x is brought after the last step; null where it is left as it is.</summary>
    public float? ResultLength { get; init; }
}

/// <summary>A UNet that makes square images of one size.</summary>
internal sealed record DiffusionStage
{
    /// <summary>File of the graph that is run once for an image; its outputs are inputs of <see cref="File"/> of the same names.</summary>
    public string? Condition { get; init; }

    /// <summary>File of the graph of a step, from <c>x</c> [N,3,S,S] and <c>t</c> int64 [N] to <c>prediction</c> [N,C,S,S].</summary>
    public required string File { get; init; }

    /// <summary>Another graph for the last steps; null where <see cref="File"/> takes all.</summary>
    public LastSteps? Last { get; init; }

    /// <summary>Side of its images in pixels.</summary>
    public required int Size { get; init; }

    public required DiffusionRules Diffusion { get; init; }

    /// <summary>How it sees the image of the stage before; null in the first.</summary>
    public LowResolution? LowResolution { get; init; }

    /// <summary>
    /// How often each step is repeated when a part of an image is painted anew; null where the stage takes no part in that, and known pixels are put back
    /// into its result.
    /// </summary>
    public int? InpaintPasses { get; set; }
}

/// <summary>A graph that takes over for the last steps.</summary>
internal sealed record LastSteps
{
    /// <summary>File of the graph, of the same inputs and outputs.</summary>
    public required string File { get; init; }

    public required int Steps { get; init; }
}

/// <summary>
/// How a stage is given the image of the stage before, as <c>low_res</c> [N,3,S,S]: clamped to −1..1, resized, and noised if there is a level.
/// </summary>
internal sealed record LowResolution
{
    public required Upsampling Resample { get; init; }

    /// <summary>The noise that is added, and given as <c>low_res_level</c> int64 [N]; null where there is none.</summary>
    public LowResolutionNoise? Noise { get; init; }
}

/// <summary>Noise that is added to the image of the stage before.</summary>
internal sealed record LowResolutionNoise
{
    /// <summary>The timestep whose amount of noise it has.</summary>
    public required int Level { get; init; }

    public required NoiseSchedule Schedule { get; init; }
}

/// <summary>How the image of one stage is brought to the size of the next.</summary>
[JsonConverter(typeof(NameConverter<Upsampling>))]
internal enum Upsampling
{
    /// <summary>Keys' cubic with a = −1/2, weights renormalised at the borders, the result not clamped (Pillow's filter on floats).</summary>
    Bicubic,

    /// <summary>The same cubic with black beyond the borders (ResizeRight).</summary>
    PaddedBicubic,

    /// <summary>Row and column i are those of ⌊i · from / to⌋.</summary>
    Nearest,
}

/// <summary>The use of a network's predictions.</summary>
internal sealed record DiffusionRules
{
    public required Prediction Prediction { get; init; }

    public required NoiseSchedule Schedule { get; init; }

    public Variance Variance { get; init; }

    /// <summary>The thresholding of every estimate of the clean x; null for none.</summary>
    public Clamp? Clamp { get; init; }

    /// <summary>The sampler where the caller names none.</summary>
    public DiffusionSampler Sampler { get; init; }

    /// <summary>The peculiarities of the model's own code where it samples by <see cref="DiffusionSampler.Ddim"/>.</summary>
    public DdimRules Ddim { get; init; } = new();

    /// <summary>Number of steps where the caller names none.</summary>
    public required int Steps { get; init; }

    /// <summary>Number of steps where the caller wants it fast; null where it is the same.</summary>
    public int? FastSteps { get; init; }

    /// <summary>Weight s of classifier-free guidance, u + s (c − u); at 1 there is no unconditional row.</summary>
    public float Guidance { get; set; } = 1;

    /// <summary>Whether guidance takes in the channels of the variance too; otherwise they are those of the conditional row.</summary>
    public bool GuidesVariance { get; init; }
}

/// <summary>Kinds of prediction.</summary>
[JsonConverter(typeof(NameConverter<Prediction>))]
internal enum Prediction
{
    /// <summary>The noise: x₀ = √(1/ᾱ) x − √(1/ᾱ − 1) prediction.</summary>
    Noise,

    /// <summary>The clean x₀ itself.</summary>
    Clean,

    /// <summary>The velocity: x₀ = √ᾱ x − √(1 − ᾱ) prediction.</summary>
    Velocity,
}

/// <summary>The noise of every timestep that the model was trained on.</summary>
internal sealed record NoiseSchedule
{
    public required Betas Betas { get; init; }

    /// <summary>Number of timesteps.</summary>
    public required int Timesteps { get; init; }

    /// <summary>Whether betas and their products are computed in 32 bits (diffusers); otherwise in 64 bits, and each table rounded at the end.</summary>
    public bool IsSingle { get; init; }
}

/// <summary>The formulas of betas. T is the number of timesteps, those of two ends begin at 0.1/T and end at 20/T.</summary>
[JsonConverter(typeof(NameConverter<Betas>))]
internal enum Betas
{
    /// <summary>1 − f((i + 1)/T)/f(i/T) with f(s) = cos²((s + 0.008)/1.008 · π/2), at most 0.999.</summary>
    Cosine,

    /// <summary>Evenly between the ends.</summary>
    Linear,

    /// <summary>Squares of evenly between the roots of the ends.</summary>
    Quadratic,

    /// <summary>1/T, 1/(T − 1), …, 1.</summary>
    Jsd,

    /// <summary>Between the ends by the logistic function of −6..6.</summary>
    Sigmoid,
}

/// <summary>The variance of the noise that a step of <see cref="DiffusionSampler.Ddpm"/> adds.</summary>
[JsonConverter(typeof(NameConverter<Variance>))]
internal enum Variance
{
    /// <summary>That of the posterior.</summary>
    Posterior,

    /// <summary>
    /// Three more channels v of the prediction choose between β and the posterior's: log σ² = f log β + (1 − f) log posterior with f = (v + 1)/2.
    /// </summary>
    Learned,

    /// <summary>The same with the logistic function of that f.</summary>
    LearnedSigmoid,
}

/// <summary>The thresholding of an estimate of the clean x.</summary>
internal sealed record Clamp
{
    public required ClampKind Kind { get; init; }

    public required float Value { get; init; }
}

/// <summary>Kinds of <see cref="Clamp"/>; c is its value.</summary>
[JsonConverter(typeof(NameConverter<ClampKind>))]
internal enum ClampKind
{
    /// <summary>Each value is clamped to −c..c.</summary>
    Range,

    /// <summary>
    /// Dynamic thresholding (Imagen): s is the c-quantile of the absolute values of an image, interpolated linearly, and at least 1; values are clamped to
    /// −s..s and divided by s.
    /// </summary>
    Quantile,

    /// <summary>The vector is brought to the length c.</summary>
    Length,
}

/// <summary>How the next x follows from a prediction.</summary>
[JsonConverter(typeof(NameConverter<DiffusionSampler>))]
internal enum DiffusionSampler
{
    /// <summary>Ancestral sampling of the posterior, over N timesteps spread evenly from the first to the last of the schedule.</summary>
    Ddpm,

    /// <summary>DDIM, by <see cref="DdimRules"/>.</summary>
    Ddim,
}

/// <summary>The choices that implementations of DDIM differ in.</summary>
internal sealed record DdimRules
{
    public DdimTimes Times { get; init; }

    /// <summary>Amount of fresh noise: 0 is none, 1 as much as in DDPM.</summary>
    public float Eta { get; init; }

    /// <summary>Whether ᾱ of a timestep is that of the one before it, and 1 of the first (dalle2-pytorch before 1.10.3, and its prior).</summary>
    public bool ShiftsAlphas { get; init; }

    /// <summary>Whether the noise is that of the x₀ before it was clamped; otherwise it is derived from the clamped x₀.</summary>
    public bool KeepsNoise { get; init; }
}

/// <summary>The timesteps of DDIM with N steps over T timesteps.</summary>
[JsonConverter(typeof(NameConverter<DdimTimes>))]
internal enum DdimTimes
{
    /// <summary>Multiples of the whole stride of which there are N in 0..T − 1; the last step, of timestep 0, returns x₀.</summary>
    Strided,

    /// <summary>N + 1 values from 0 towards T, evenly by T/(N + 1), rounded towards 0; each is a step to the next lower, and the last goes to timestep 0.</summary>
    ToFirst,

    /// <summary>N values from −1 towards T, evenly by (T + 1)/N, rounded towards 0; each is a step to the next lower, and that to −1 returns x₀.</summary>
    ToClean,
}
