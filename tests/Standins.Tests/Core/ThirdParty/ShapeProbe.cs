using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core.ThirdParty;

/// <summary>An estimator that changes nothing and shows the shape that reaches it.</summary>
internal sealed class ShapeProbe(Action<SchemaShape> seen) : IEstimator<ITransformer>
{
    public ITransformer Fit(IDataView input) => new TransformerChain<ITransformer>();

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        seen(inputSchema);
        return inputSchema;
    }
}
