using Dalle.ML.Transforms;

namespace Microsoft.ML;

// DALL·E 2: images from image embeddings.
public static partial class DalleCatalog
{
    /// <summary>Create a <see cref="DalleVariationsEstimator"/>, which generates variations of images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of a bundle of DALL·E 2. The built-in model, which null names, is not one.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleVariationsSample.cs" region="Sample" language="csharp"/></example>
    public static DalleVariationsEstimator DalleVariations(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleVariationsEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleVariationsEstimator"/>, which generates variations of images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, strength, model and how to generate.</param>
    public static DalleVariationsEstimator DalleVariations(this TransformsCatalog catalog, DalleVariationsEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DalleInpaintEstimator"/>, which keeps the part of each image that a mask leaves and paints the rest anew.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputTextColumnName">Name of the text column that describes the whole image.</param>
    /// <param name="inputImageColumnName">Name of the image column.</param>
    /// <param name="inputMaskColumnName">Name of the image column with the masks: white or transparent is painted anew.</param>
    /// <param name="modelPath">Folder of a bundle of DALL·E 2. The built-in model, which null names, is not one.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleInpaintSample.cs" region="Sample" language="csharp"/></example>
    public static DalleInpaintEstimator DalleInpaint(
        this TransformsCatalog catalog, string outputColumnName, string inputTextColumnName, string inputImageColumnName, string inputMaskColumnName,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleInpaintEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputTextColumnName = inputTextColumnName,
            InputImageColumnName = inputImageColumnName,
            InputMaskColumnName = inputMaskColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleInpaintEstimator"/>, which keeps the part of each image that a mask leaves and paints the rest anew.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static DalleInpaintEstimator DalleInpaint(this TransformsCatalog catalog, DalleInpaintEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DalleInterpolateEstimator"/>, which generates the images on the way from one to another.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputFromImageColumnName">Name of the column of the first images.</param>
    /// <param name="inputToImageColumnName">Name of the column of the last images.</param>
    /// <param name="fraction">Fraction of the way, 0 to 1.</param>
    /// <param name="modelPath">Folder of a bundle of DALL·E 2. The built-in model, which null names, is not one.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleInterpolateSample.cs" region="Sample" language="csharp"/></example>
    public static DalleInterpolateEstimator DalleInterpolate(
        this TransformsCatalog catalog, string outputColumnName, string inputFromImageColumnName, string inputToImageColumnName, float fraction = 0.5f,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleInterpolateEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputFromImageColumnName = inputFromImageColumnName,
            InputToImageColumnName = inputToImageColumnName,
            Fraction = fraction,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleInterpolateEstimator"/>, which generates the images on the way from one to another.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, place on the way, model and how to generate.</param>
    public static DalleInterpolateEstimator DalleInterpolate(this TransformsCatalog catalog, DalleInterpolateEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="GenerateImageEmbeddingEstimator"/>, which makes image embeddings from text.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of embeddings to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of a bundle of DALL·E 2. The built-in model, which null names, is not one.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/GenerateImageEmbeddingSample.cs" region="Sample" language="csharp"/></example>
    public static GenerateImageEmbeddingEstimator GenerateImageEmbedding(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new GenerateImageEmbeddingEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="GenerateImageEmbeddingEstimator"/>, which makes image embeddings from text.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static GenerateImageEmbeddingEstimator GenerateImageEmbedding(this TransformsCatalog catalog, GenerateImageEmbeddingEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DecodeImageEmbeddingEstimator"/>, which decodes image embeddings into images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the column of image embeddings; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of a bundle of DALL·E 2. The built-in model, which null names, is not one.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DecodeImageEmbeddingSample.cs" region="Sample" language="csharp"/></example>
    public static DecodeImageEmbeddingEstimator DecodeImageEmbedding(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DecodeImageEmbeddingEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DecodeImageEmbeddingEstimator"/>, which decodes image embeddings into images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static DecodeImageEmbeddingEstimator DecodeImageEmbedding(this TransformsCatalog catalog, DecodeImageEmbeddingEstimator.Options options) =>
        new(catalog, options);
}
