using Microsoft.ML.Data;

namespace Microsoft.ML;

/// <summary>Predicts one example at a time. Not for several threads at once.</summary>
public sealed class PredictionEngine<TSrc, TDst> : IDisposable
    where TSrc : class
    where TDst : class, new()
{
    private readonly ObjectRow<TSrc> _input;
    private readonly DataViewRow _output;
    private readonly Action<TDst> _read;
    private readonly IDisposable _owned;
    private long _examples;
    private bool _disposed;

    internal PredictionEngine(ITransformer transformer, PredictionEngineOptions options)
    {
        var inputSchema = new ObjectSchema<TSrc>(options.InputSchemaDefinition);
        var mapper = transformer.GetRowToRowMapper(inputSchema.Schema);
        var reader = new ObjectReader<TDst>(mapper.OutputSchema, options.OutputSchemaDefinition, options.IgnoreMissingColumns);

        OutputSchema = mapper.OutputSchema;
        _input = new ObjectRow<TSrc>(inputSchema, new ActiveColumns(inputSchema.Schema, mapper.GetDependencies(reader.Columns)));
        _output = mapper.GetRow(_input, reader.Columns);
        _read = Disposal.OrDispose([_output], () => reader.CreateReader(_output));
        _owned = options.OwnsTransformer ? transformer as IDisposable : null;
    }

    public DataViewSchema OutputSchema { get; }

    public TDst Predict(TSrc example)
    {
        var prediction = new TDst();
        Predict(example, ref prediction);
        return prediction;
    }

    public void Predict(TSrc example, ref TDst prediction)
    {
        ArgumentNullException.ThrowIfNull(example);
        ObjectDisposedException.ThrowIf(_disposed, this);
        prediction ??= new TDst();
        _input.Next(example, _examples++);
        _read(prediction);
    }

    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Disposal.DisposeAll([_output, _owned]);
    }
}
