using System.Text.Json.Serialization;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>Options shared by all components of Dalle.ML. They are saved with a pipeline unless their documentation says otherwise.</summary>
[JsonDerivedType(typeof(TokenizePromptEstimator.Options), "TokenizePrompt")]
[JsonDerivedType(typeof(CompleteTextEstimator.Options), "CompleteText")]
[JsonDerivedType(typeof(EncodeImageTokensEstimator.Options), "EncodeImageTokens")]
[JsonDerivedType(typeof(GenerateImageTokensEstimator.Options), "GenerateImageTokens")]
[JsonDerivedType(typeof(DecodeImageTokensEstimator.Options), "DecodeImageTokens")]
[JsonDerivedType(typeof(DalleGenerateEstimator.Options), "DalleGenerate")]
[JsonDerivedType(typeof(DalleCompleteEstimator.Options), "DalleComplete")]
[JsonDerivedType(typeof(DalleReconstructEstimator.Options), "DalleReconstruct")]
[JsonDerivedType(typeof(DalleUpscaleEstimator.Options), "DalleUpscale")]
[JsonDerivedType(typeof(ExtractImageFeaturesEstimator.Options), "ExtractImageFeatures")]
[JsonDerivedType(typeof(DalleVariationsEstimator.Options), "DalleVariations")]
[JsonDerivedType(typeof(DalleInpaintEstimator.Options), "DalleInpaint")]
[JsonDerivedType(typeof(DalleInterpolateEstimator.Options), "DalleInterpolate")]
[JsonDerivedType(typeof(GenerateImageEmbeddingEstimator.Options), "GenerateImageEmbedding")]
[JsonDerivedType(typeof(DecodeImageEmbeddingEstimator.Options), "DecodeImageEmbedding")]
[JsonDerivedType(typeof(ClipEmbedTextEstimator.Options), "ClipEmbedText")]
[JsonDerivedType(typeof(ClipEmbedImageEstimator.Options), "ClipEmbedImage")]
[JsonDerivedType(typeof(ClipScoreEstimator.Options), "ClipScore")]
[JsonDerivedType(typeof(DalleScoreEstimator.Options), "DalleScore")]
[JsonDerivedType(typeof(ClipRankEstimator.Options), "ClipRank")]
public abstract record ComponentOptions
{
    private protected ComponentOptions()
    {
    }

    /// <summary>
    /// Name of a text column to make with the reason why a row failed, empty if it did not. With this column, failed rows have missing values:
    /// no image, no text, not-a-number, −1 for every token; without it, reading them throws. Rows before and after are the same in either case. A row also fails
    /// if its input cannot be read, such as a file that LoadImages finds no image in; not so in a pipeline that
    /// <see cref="ModelOperationsCatalog.Load(string, out DataViewSchema)"/> loaded, where ML.NET reads the input;
    /// <see cref="DalleCatalog.LoadDalle(ModelOperationsCatalog, string, out DataViewSchema)"/> does not have this limit.
    /// </summary>
    public string? ErrorColumnName { get; init; }

    /// <summary>Folder of the model bundle, or its name as in <see cref="DalleModel.Load"/>; the built-in model if null.</summary>
    public string? ModelPath { get; init; }

    /// <summary>A loaded model, in place of <see cref="ModelPath"/> and the device. It is shared: each owner disposes its own.</summary>
    [JsonIgnore]
    public DalleModel? Model { get; init; }

    /// <summary>Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</summary>
    public int? GpuDeviceId { get; init; }

    /// <summary>Whether to run on the CPU, with a warning, if <see cref="GpuDeviceId"/> cannot be used.</summary>
    public bool FallbackToCpu { get; init; }

    /// <summary>Checked at each row and, while an image is generated, at each token or step. Not saved with the pipeline.</summary>
    [JsonIgnore]
    public CancellationToken CancellationToken { get; init; }

    /// <summary>The runner that these options describe.</summary>
    internal abstract RowComponent CreateComponent();

    /// <summary>The component's transformer, which owns the runner.</summary>
    internal abstract ComponentTransformer CreateTransformer(RowRunner runner);

    /// <summary>The options with the seed of the context filled in.</summary>
    internal virtual ComponentOptions WithSeed(IHostEnvironment environment) => this;
}
