using Dalle.ML;
using Dalle.ML.Transforms;

namespace Microsoft.ML;

/// <summary>Extension methods of the ML.NET catalogs for the components of Dalle.ML.</summary>
public static partial class DalleCatalog
{
    /// <summary>Create a <see cref="DalleGenerateEstimator"/>, which generates images from the text of <paramref name="inputColumnName"/>.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the text column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleGenerateSample.cs" region="Sample" language="csharp"/></example>
    public static DalleGenerateEstimator DalleGenerate(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleGenerateEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleGenerateEstimator"/>, which generates images from a column of text.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static DalleGenerateEstimator DalleGenerate(this TransformsCatalog catalog, DalleGenerateEstimator.Options options) =>
        new(catalog, options);

    /// <summary>
    /// Create a <see cref="DalleCompleteEstimator"/>, which keeps a region of each image of <paramref name="inputImageColumnName"/>
    /// and generates the rest for its text.
    /// </summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputTextColumnName">Name of the text column that describes the whole image.</param>
    /// <param name="inputImageColumnName">Name of the image column.</param>
    /// <param name="keep">The region of the images to keep, in tokens.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleCompleteSample.cs" region="Sample" language="csharp"/></example>
    public static DalleCompleteEstimator DalleComplete(
        this TransformsCatalog catalog, string outputColumnName, string inputTextColumnName, string inputImageColumnName, KeepRegion keep,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleCompleteEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputTextColumnName = inputTextColumnName,
            InputImageColumnName = inputImageColumnName,
            Keep = keep,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleCompleteEstimator"/>, which keeps a region of each image and generates the rest.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, region, model and how to generate.</param>
    public static DalleCompleteEstimator DalleComplete(this TransformsCatalog catalog, DalleCompleteEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DalleReconstructEstimator"/>, which encodes and decodes images through the model's codebook.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleReconstructSample.cs" region="Sample" language="csharp"/></example>
    public static DalleReconstructEstimator DalleReconstruct(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleReconstructEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleReconstructEstimator"/>, which encodes and decodes images through the model's codebook.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static DalleReconstructEstimator DalleReconstruct(this TransformsCatalog catalog, DalleReconstructEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DalleUpscaleEstimator"/>, which enlarges images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of a bundle with an upscaler. The built-in model, which null names, has none.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleUpscaleSample.cs" region="Sample" language="csharp"/></example>
    public static DalleUpscaleEstimator DalleUpscale(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleUpscaleEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleUpscaleEstimator"/>, which enlarges images.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static DalleUpscaleEstimator DalleUpscale(this TransformsCatalog catalog, DalleUpscaleEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create an <see cref="ExtractImageFeaturesEstimator"/>, which computes the features of images that metrics compare.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of features to make.</param>
    /// <param name="inputColumnName">Name of the image column; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of a bundle with such a network. The built-in model, which null names, has none.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/ExtractImageFeaturesSample.cs" region="Sample" language="csharp"/></example>
    public static ExtractImageFeaturesEstimator ExtractImageFeatures(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new ExtractImageFeaturesEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create an <see cref="ExtractImageFeaturesEstimator"/>, which computes the features of images that metrics compare.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static ExtractImageFeaturesEstimator ExtractImageFeatures(this TransformsCatalog catalog, ExtractImageFeaturesEstimator.Options options) =>
        new(catalog, options);

    /// <summary>Create a <see cref="DalleScoreEstimator"/>, which scores how well texts explain images, by the transformer.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the column of scores to make.</param>
    /// <param name="inputTextColumnName">Name of the text column.</param>
    /// <param name="inputImageColumnName">Name of the image column.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, if the device cannot be used.</param>
    /// <example><code source="../../../../samples/DalleScoreSample.cs" region="Sample" language="csharp"/></example>
    public static DalleScoreEstimator DalleScore(
        this TransformsCatalog catalog, string outputColumnName, string inputTextColumnName, string inputImageColumnName,
        string? modelPath = null, int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleScoreEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputTextColumnName = inputTextColumnName,
            InputImageColumnName = inputImageColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleScoreEstimator"/>, which scores how well texts explain images, by the transformer.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns and model.</param>
    public static DalleScoreEstimator DalleScore(this TransformsCatalog catalog, DalleScoreEstimator.Options options) =>
        new(catalog, options);
}
