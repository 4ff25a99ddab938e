using System.Collections;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

[assembly: ModelLoader<TransformerChainLoader>]

namespace Microsoft.ML.Data;

/// <summary>Transformers one after the other. It owns its members: disposing the chain disposes them.</summary>
public sealed class TransformerChain<TLastTransformer> : ITransformer, IEnumerable<ITransformer>, IDisposable
    where TLastTransformer : class, ITransformer
{
    public readonly TLastTransformer LastTransformer;

    private readonly ITransformer[] _transformers;
    private readonly TransformerScope[] _scopes;
    private bool _disposed;

    public TransformerChain(params ITransformer[] transformers)
        : this(transformers, [.. Enumerable.Repeat(TransformerScope.Everything, transformers?.Length ?? 0)])
    {
    }

    internal TransformerChain(ITransformer[] transformers, TransformerScope[] scopes)
    {
        ArgumentNullException.ThrowIfNull(transformers);
        _transformers = [.. transformers];
        _scopes = scopes;
        if (_transformers.Contains(null))
            throw new ArgumentNullException(nameof(transformers));
        if (_transformers.Length > 0)
            LastTransformer = _transformers[^1] as TLastTransformer
                ?? throw new ArgumentException($"The last transformer is not a {typeof(TLastTransformer).Name}.", nameof(transformers));
    }

    bool ITransformer.IsRowToRowMapper => _transformers.All(transformer => transformer.IsRowToRowMapper);

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return _transformers.Aggregate(inputSchema, (schema, transformer) => transformer.GetOutputSchema(schema));
    }

    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);

        // A wrong schema is found out before any member does a thing.
        GetOutputSchema(input.Schema);
        return _transformers.Aggregate(input, (data, transformer) => transformer.Transform(data));
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var mappers = new List<IRowToRowMapper>();
        foreach (var transformer in _transformers)
        {
            if (!transformer.IsRowToRowMapper)
                throw new InvalidOperationException($"{transformer.GetType().Name} does not work row by row.");
            mappers.Add(transformer.GetRowToRowMapper(mappers.Count == 0 ? inputSchema : mappers[^1].OutputSchema));
        }

        return new MapperChain(inputSchema, mappers);
    }

    /// <summary>The members that are needed in a scope.</summary>
    public TransformerChain<ITransformer> GetModelFor(TransformerScope scopeFilter)
    {
        int[] kept = [.. Enumerable.Range(0, _transformers.Length).Where(i => (_scopes[i] & scopeFilter) != 0)];
        return new([.. kept.Select(i => _transformers[i])], [.. kept.Select(i => _scopes[i])]);
    }

    public TransformerChain<TNewLast> Append<TNewLast>(TNewLast transformer, TransformerScope scope = TransformerScope.Everything)
        where TNewLast : class, ITransformer
    {
        ArgumentNullException.ThrowIfNull(transformer);
        return new([.. _transformers, transformer], [.. _scopes, scope]);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx)
    {
        ArgumentNullException.ThrowIfNull(ctx);
        TransformerChainLoader.Save(ctx, _transformers, _scopes);
    }

    public IEnumerator<ITransformer> GetEnumerator() => ((IEnumerable<ITransformer>)_transformers).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Disposal.DisposeAll(_transformers);
    }
}

/// <summary>A chain is saved as its members, each in a folder of its own, and loaded as a chain of anything.</summary>
internal sealed class TransformerChainLoader : IModelLoader
{
    static string IModelLoader.Name => "TransformerChain";

    internal static void Save(ModelSaveContext ctx, ITransformer[] transformers, TransformerScope[] scopes)
    {
        ctx.Write<TransformerChainLoader>(writer =>
        {
            writer.Write(transformers.Length);
            foreach (var scope in scopes)
                writer.Write((int)scope);
        });

        for (var i = 0; i < transformers.Length; i++)
            ctx.WriteChild(ChildName(i), transformers[i]);
    }

    static ITransformer IModelLoader.Load(IHostEnvironment env, ModelLoadContext ctx)
    {
        var transformers = new List<ITransformer>();
        var scopes = new List<TransformerScope>();
        for (var left = ctx.Reader.ReadCount(); left > 0; left--)
            scopes.Add((TransformerScope)ctx.Reader.ReadInt32());
        return Disposal.OrDispose(transformers, () =>
        {
            for (var i = 0; i < scopes.Count; i++)
                transformers.Add(ctx.LoadChild(env, ChildName(i)));
            return new TransformerChain<ITransformer>([.. transformers], [.. scopes]);
        });
    }

    private static string ChildName(int index) => $"Transform_{index:d3}";
}
