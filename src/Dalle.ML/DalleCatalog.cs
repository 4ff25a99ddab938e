using Dalle.ML.Transforms;

namespace Microsoft.ML;

/// <summary>The components of Dalle.ML in ML.NET's catalogs.</summary>
public static class DalleCatalog
{
    /// <summary>
    /// Create a <see cref="DalleGenerateEstimator"/>, which draws the text of <paramref name="inputColumnName"/> and puts the image into
    /// <paramref name="outputColumnName"/>.
    /// </summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="outputColumnName">Name of the image column to make.</param>
    /// <param name="inputColumnName">Name of the text column to draw; <paramref name="outputColumnName"/> if null.</param>
    /// <param name="modelPath">Folder of the model bundle; the built-in model if null.</param>
    /// <param name="gpuDeviceId">Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</param>
    /// <param name="fallbackToCpu">Whether to run on the CPU, with a warning, where the device cannot be used.</param>
    /// <example>
    /// <code>
    /// var ml = new MLContext(seed: 1);
    /// var pipeline = ml.Transforms.DalleGenerate(outputColumnName: "Image", inputColumnName: "Prompt");
    /// var images = pipeline.Fit(data).Transform(data);          // lazily: an image is drawn when it is read
    /// </code>
    /// </example>
    public static DalleGenerateEstimator DalleGenerate(
        this TransformsCatalog catalog, string outputColumnName, string? inputColumnName = null, string? modelPath = null,
        int? gpuDeviceId = null, bool fallbackToCpu = false) =>
        new(catalog, new DalleGenerateEstimator.Options
        {
            OutputColumnName = outputColumnName,
            InputColumnName = inputColumnName,
            ModelPath = modelPath,
            GpuDeviceId = gpuDeviceId,
            FallbackToCpu = fallbackToCpu,
        });

    /// <summary>Create a <see cref="DalleGenerateEstimator"/>, which draws a column of text.</summary>
    /// <param name="catalog">The transforms' catalog.</param>
    /// <param name="options">Columns, model and how to generate.</param>
    public static DalleGenerateEstimator DalleGenerate(this TransformsCatalog catalog, DalleGenerateEstimator.Options options) =>
        new(catalog, options);
}
