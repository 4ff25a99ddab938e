using Microsoft.ML.Runtime;

namespace Microsoft.ML.Data;

/// <summary>Estimators one after the other; each is fitted to what the transformers before it make of the data.</summary>
public sealed class EstimatorChain<TLastTransformer> : IEstimator<TransformerChain<TLastTransformer>>
    where TLastTransformer : class, ITransformer
{
    public readonly IEstimator<TLastTransformer> LastEstimator;

    private readonly EstimatorLink[] _links;

    public EstimatorChain()
    {
        _links = [];
    }

    private EstimatorChain(EstimatorLink[] links)
    {
        _links = links;
        LastEstimator = (IEstimator<TLastTransformer>)links[^1].Estimator;
    }

    public TransformerChain<TLastTransformer> Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);

        // A wrong schema is found out before anything is fitted.
        GetOutputSchema(SchemaShape.Create(input.Schema));

        var transformers = new List<ITransformer>();
        return Disposal.OrDispose(transformers, () =>
        {
            FitLinks(input, transformers);
            return new TransformerChain<TLastTransformer>([.. transformers], [.. _links.Select(link => link.Scope)]);
        });
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return _links.Aggregate(inputSchema, (schema, link) => link.Estimator.GetOutputSchema(schema));
    }

    public EstimatorChain<TNewTrans> Append<TNewTrans>(
        IEstimator<TNewTrans> estimator, TransformerScope scope = TransformerScope.Everything)
        where TNewTrans : class, ITransformer
    {
        ArgumentNullException.ThrowIfNull(estimator);
        return new EstimatorChain<TNewTrans>([.. _links, new EstimatorLink(estimator, scope, IsCached: false)]);
    }

    /// <summary>While fitting, the estimators after this point read the data from memory.</summary>
    public EstimatorChain<TLastTransformer> AppendCacheCheckpoint(IHostEnvironment env)
    {
        ArgumentNullException.ThrowIfNull(env);
        return _links.Length == 0 ? this : new([.. _links[..^1], _links[^1] with { IsCached = true }]);
    }

    private void FitLinks(IDataView data, List<ITransformer> transformers)
    {
        foreach (var link in _links)
        {
            if (transformers.Count > 0)
                data = transformers[^1].Transform(data);
            if (transformers.Count > 0 && _links[transformers.Count - 1].IsCached)
                data = new CachedDataView(data, []);
            transformers.Add(link.Estimator.Fit(data));
        }
    }
}

internal sealed record EstimatorLink(IEstimator<ITransformer> Estimator, TransformerScope Scope, bool IsCached);
