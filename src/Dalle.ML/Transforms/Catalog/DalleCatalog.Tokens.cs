using Dalle.ML.Transforms;

namespace Microsoft.ML;

// Tokens of prompts and of images: the parts of DALL·E one by one.
public static partial class DalleCatalog
{
    /// <summary>Create a <see cref="TokenizePromptEstimator"/>, which turns text into text tokens for the transformer.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of tokens to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/TokenizePromptSample.cs" region="Sample" language="csharp"/></example>
    public static TokenizePromptEstimator TokenizePrompt(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new TokenizePromptEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="TokenizePromptEstimator"/>, which turns text into text tokens for the transformer.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static TokenizePromptEstimator TokenizePrompt(this TransformsCatalog catalog, TokenizePromptEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="CompleteTextEstimator"/>, which completes texts by the transformer, with the seed of the context.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the text column to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle, which must have logits of the text; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/CompleteTextSample.cs" region="Sample" language="csharp"/></example>
    public static CompleteTextEstimator CompleteText(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new CompleteTextEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="CompleteTextEstimator"/>, which completes texts by the transformer.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to sample.</param>
    public static CompleteTextEstimator CompleteText(this TransformsCatalog catalog, CompleteTextEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="EncodeImageTokensEstimator"/>, which turns images into tokens of the model's codebook.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of tokens to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/EncodeImageTokensSample.cs" region="Sample" language="csharp"/></example>
    public static EncodeImageTokensEstimator EncodeImageTokens(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new EncodeImageTokensEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="EncodeImageTokensEstimator"/>, which turns images into tokens of the model's codebook.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static EncodeImageTokensEstimator EncodeImageTokens(this TransformsCatalog catalog, EncodeImageTokensEstimator.Options options) =>
        new(catalog, options);

    /// <summary>
    /// Create a <see cref="GenerateImageTokensEstimator"/>, which samples the image tokens of the text of
    /// <paramref name="inputColumnName"/>.
    /// </summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of tokens to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/GenerateImageTokensSample.cs" region="Sample" language="csharp"/></example>
    public static GenerateImageTokensEstimator GenerateImageTokens(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new GenerateImageTokensEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="GenerateImageTokensEstimator"/>, which samples the image tokens of prompts.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static GenerateImageTokensEstimator GenerateImageTokens(this TransformsCatalog catalog, GenerateImageTokensEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DecodeImageTokensEstimator"/>, which decodes image tokens into images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the column of tokens; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DecodeImageTokensSample.cs" region="Sample" language="csharp"/></example>
    public static DecodeImageTokensEstimator DecodeImageTokens(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DecodeImageTokensEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DecodeImageTokensEstimator"/>, which decodes image tokens into images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static DecodeImageTokensEstimator DecodeImageTokens(this TransformsCatalog catalog, DecodeImageTokensEstimator.Options options) =>
        new(catalog, options);
}
