using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core.ThirdParty;

/// <summary>A transformer that counts its disposals, and else copies a column.</summary>
internal sealed class DisposableTransformer : ITransformer, IDisposable
{
    private readonly ITransformer _copy;

    internal DisposableTransformer()
    {
        var ml = new MLContext();
        _copy = ml.Transforms.CopyColumns("Copy", "Text").Fit(Samples.View(ml));
    }

    internal int Disposals { get; private set; }

    /// <summary>What disposing it throws.</summary>
    internal Exception? Failure { get; init; }

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => _copy.GetOutputSchema(inputSchema);

    public IDataView Transform(IDataView input) => _copy.Transform(input);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => _copy.GetRowToRowMapper(inputSchema);

    public void Save(ModelSaveContext ctx) => _copy.Save(ctx);

    public void Dispose()
    {
        Disposals++;
        if (Failure is not null)
            throw Failure;
    }
}
