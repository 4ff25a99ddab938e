using Dalle.ML.Transforms;

namespace Microsoft.ML;

// CLIP: texts and images in one space.
public static partial class DalleCatalog
{
    /// <summary>Create a <see cref="ClipEmbedTextEstimator"/>, which turns text into CLIP embeddings.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of embeddings to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/ClipEmbedTextSample.cs" region="Sample" language="csharp"/></example>
    public static ClipEmbedTextEstimator ClipEmbedText(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new ClipEmbedTextEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="ClipEmbedTextEstimator"/>, which turns text into CLIP embeddings.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static ClipEmbedTextEstimator ClipEmbedText(this TransformsCatalog catalog, ClipEmbedTextEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="ClipEmbedImageEstimator"/>, which turns images into CLIP embeddings.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of embeddings to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/ClipEmbedImageSample.cs" region="Sample" language="csharp"/></example>
    public static ClipEmbedImageEstimator ClipEmbedImage(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new ClipEmbedImageEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="ClipEmbedImageEstimator"/>, which turns images into CLIP embeddings.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static ClipEmbedImageEstimator ClipEmbedImage(this TransformsCatalog catalog, ClipEmbedImageEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="ClipScoreEstimator"/>, which scores how well texts fit images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of scores to make.</param>
    /// <param name="inputTextColumnName">Name of the text column.</param>
    /// <param name="inputImageColumnName">Name of the image column.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/ClipScoreSample.cs" region="Sample" language="csharp"/></example>
    public static ClipScoreEstimator ClipScore(
        this TransformsCatalog catalog, string outputColumnName, string inputTextColumnName, string inputImageColumnName,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new ClipScoreEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputTextColumnName = inputTextColumnName,
            InputImageColumnName = inputImageColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="ClipScoreEstimator"/>, which scores how well texts fit images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static ClipScoreEstimator ClipScore(this TransformsCatalog catalog, ClipScoreEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="ClipRankEstimator"/>, which returns the image of the candidate that fits a text best.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputTextColumnName">Name of the text column.</param>
    /// <param name="inputTokensColumnName">Name of the column with the tokens of all candidates.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/ClipRankSample.cs" region="Sample" language="csharp"/></example>
    public static ClipRankEstimator ClipRank(
        this TransformsCatalog catalog, string outputColumnName, string inputTextColumnName, string inputTokensColumnName,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new ClipRankEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputTextColumnName = inputTextColumnName,
            InputTokensColumnName = inputTokensColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="ClipRankEstimator"/>, which orders the candidates of a row and keeps the best.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how many to keep.</param>
    public static ClipRankEstimator ClipRank(this TransformsCatalog catalog, ClipRankEstimator.Options options) =>
        new(catalog, options);
}
