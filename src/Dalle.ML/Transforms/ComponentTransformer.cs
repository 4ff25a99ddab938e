using Dalle.ML.Transforms.Rows;
using Dalle.ML.Transforms.Saving;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms;

/// <summary>
/// Base class of the transformers of Dalle.ML: they are lazy, work row by row, and hold a reference to a model. Dispose them, or the
/// prediction engine that owns them, to free the model.
/// </summary>
/// <remarks>
/// Columns of scores are annotated as ML.NET's rankers annotate theirs (ScoreColumnKind "Ranking", ScoreValueKind "Score"), and vectors with
/// one value per candidate have SlotNames "Candidate 0", "Candidate 1" and so on, if their number is known. A saved pipeline that is loaded with
/// <see cref="ModelOperationsCatalog.Load(string, out DataViewSchema)"/> has the same columns, types and values without these annotations;
/// <see cref="DalleCatalog.LoadDalle(ModelOperationsCatalog, string, out DataViewSchema)"/> restores them too.
/// </remarks>
public abstract class ComponentTransformer : ITransformer, IDisposable
{
    private readonly RowRunner _runner;

    private protected ComponentTransformer(RowRunner runner) => _runner = runner;

    /// <summary>Describes the model.</summary>
    public DalleModelInfo ModelInfo => _runner.Model.Info;

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => Bind(inputSchema).Output;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new RowDataView(input, Bind(input.Schema));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new RowMapper(Bind(inputSchema));

    /// <summary>Releases the model. Rows in progress are finished.</summary>
    public void Dispose()
    {
        _runner.Dispose();
        GC.SuppressFinalize(this);
    }

    void ICanSaveModel.Save(ModelSaveContext ctx) => SavedComponent.Save(ctx, _runner);

    /// <summary>Whether a schema lacks a column of images that is read.</summary>
    internal bool MissesImage(DataViewSchema schema) =>
        _runner.Component.Images.Any(image => schema.GetColumnOrNull(image.Column) is null);

    private RowSchema Bind(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new RowSchema(inputSchema, _runner);
    }
}
