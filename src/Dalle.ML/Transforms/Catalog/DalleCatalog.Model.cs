using Dalle.ML;
using Dalle.ML.Transforms;
using Dalle.ML.Transforms.Saving;

namespace Microsoft.ML;

// Saved pipelines.
public static partial class DalleCatalog
{
    /// <summary>Loads a pipeline from a file, with the components of Dalle.ML as they were before it was saved.</summary>
    /// <remarks>
    /// <see cref="ModelOperationsCatalog.Load(string, out DataViewSchema)"/> loads the same file, and its columns, types and values are the same.
    /// But as ML.NET does not load third-party transformers, it has custom mappings in place of the components. LoadDalle adds what they lack:
    /// <list type="bullet">
    /// <item>A model that was moved or altered is an error when the pipeline is loaded. A mapping looks for its model when the first row is read, as
    /// ML.NET tells it nothing of the file before; a cursor then fails in a thread of ML.NET, whose "Splitter/consolidator worker encountered
    /// exception" has the reason as its inner exception.</item>
    /// <item>Rows are run in batches of <see cref="SeededComponentOptions.BatchSize"/>, and none before it is read; a mapping runs them one by
    /// one, and ML.NET reads ahead.</item>
    /// <item>Columns of scores and candidates are annotated.</item>
    /// <item>An error column also has the reason if the input of a row cannot be read.</item>
    /// <item>Disposing the pipeline frees its models. Those of mappings are freed when the pipeline is garbage-collected.</item>
    /// <item>A component without a device runs on that of the context.</item>
    /// </list>
    /// </remarks>
    /// <param name="catalog">The catalog of model operations, <see cref="MLContext.Model"/>.</param>
    /// <param name="filePath">The file that <see cref="ModelOperationsCatalog.Save(ITransformer, DataViewSchema, string)"/> wrote.</param>
    /// <param name="inputSchema">The schema of the input that was saved with it. ML.NET does not save image columns.</param>
    /// <returns>The pipeline. Dispose it to free its models.</returns>
    /// <exception cref="DalleBundleException">A model is missing or was altered.</exception>
    /// <exception cref="DalleDeviceException">A device cannot be used, and fallback to the CPU was not requested.</exception>
    /// <example><code source="../../../../samples/LoadDalleSample.cs" region="Sample" language="csharp"/></example>
    public static ITransformer LoadDalle(this ModelOperationsCatalog catalog, string filePath, out DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new SavedPipeline(CatalogEnvironment.Of(catalog)).Restore(catalog.Load(filePath, out inputSchema));
    }

    /// <summary>Loads a pipeline from a stream, with the components of Dalle.ML as they were before it was saved.</summary>
    /// <remarks><inheritdoc cref="LoadDalle(ModelOperationsCatalog, string, out DataViewSchema)" path="/remarks/node()"/></remarks>
    /// <param name="catalog">The catalog of model operations, <see cref="MLContext.Model"/>.</param>
    /// <param name="stream">A readable, seekable stream that <see cref="ModelOperationsCatalog.Save(ITransformer, DataViewSchema, Stream)"/> wrote.</param>
    /// <param name="inputSchema">The schema of the input that was saved with it. ML.NET does not save image columns.</param>
    /// <returns>The pipeline. Dispose it to free its models.</returns>
    /// <exception cref="DalleBundleException">A model is missing or was altered.</exception>
    /// <exception cref="DalleDeviceException">A device cannot be used, and fallback to the CPU was not requested.</exception>
    public static ITransformer LoadDalle(this ModelOperationsCatalog catalog, Stream stream, out DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new SavedPipeline(CatalogEnvironment.Of(catalog)).Restore(catalog.Load(stream, out inputSchema));
    }

    /// <summary>
    /// Gives a pipeline that <see cref="ModelOperationsCatalog.Load(string, out DataViewSchema)"/> loaded the components of Dalle.ML that it had
    /// before it was saved, see <see cref="LoadDalle(ModelOperationsCatalog, string, out DataViewSchema)"/>.
    /// </summary>
    /// <param name="transformer">The pipeline as ML.NET loaded it. It stays usable; its other steps are shared with the result.</param>
    /// <param name="context">The context, whose device and log are used.</param>
    /// <param name="inputSchema">
    /// The schema of the pipeline's input, such as Load returned it. A component that does not accept it fails now; null defers the check to the
    /// first data, as do image columns, which ML.NET does not save.
    /// </param>
    /// <returns>The pipeline with its components. Dispose it to free its models.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An input column of a component is missing or of another type.</exception>
    /// <exception cref="DalleBundleException">A model is missing or was altered.</exception>
    /// <exception cref="DalleDeviceException">A device cannot be used, and fallback to the CPU was not requested.</exception>
    /// <example><code source="../../../../samples/WithDalleSample.cs" region="Sample" language="csharp"/></example>
    public static ITransformer WithDalle(this ITransformer transformer, MLContext context, DataViewSchema? inputSchema)
    {
        ArgumentNullException.ThrowIfNull(transformer);
        ArgumentNullException.ThrowIfNull(context);
        return new SavedPipeline(CatalogEnvironment.Of(context.Model)).Restore(transformer, inputSchema);
    }
}
