namespace Microsoft.ML;

/// <summary>Makes a transformer of data.</summary>
public interface IEstimator<out TTransformer> where TTransformer : ITransformer
{
    TTransformer Fit(IDataView input);

    /// <summary>What the transformer will make of data of this shape, told before any data is seen.</summary>
    SchemaShape GetOutputSchema(SchemaShape inputSchema);
}
