using Dalle.ML.Generation;
using Dalle.ML.Runtime;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>
/// Draws a column of text, lazily. Made by <see cref="DalleGenerateEstimator"/>. Dispose it, or the prediction engine that owns it, to
/// free the model.
/// </summary>
public sealed class DalleGenerateTransformer : ITransformer, IDisposable
{
    private readonly DalleModel _model;
    private readonly DalleGenerateEstimator.Options _options;

    private DalleGenerateTransformer(DalleModel model, DalleGenerateEstimator.Options options) => (_model, _options) = (model, options);

    /// <summary>What the model is.</summary>
    public Models.DalleModelInfo ModelInfo => _model.Info;

    /// <inheritdoc/>
    public bool IsRowToRowMapper => true;

    internal static DalleGenerateTransformer Create(IHostEnvironment environment, DalleGenerateEstimator.Options options)
    {
        var (device, fallbackToCpu) = CatalogEnvironment.Device(environment, options.GpuDeviceId, options.FallbackToCpu);
        options = options with { GpuDeviceId = device.GpuDeviceId, FallbackToCpu = fallbackToCpu };
        var path = options.ModelPath ?? DalleModel.DefaultPath;
        try
        {
            return new DalleGenerateTransformer(DalleModel.Load(path, device), options);
        }
        catch (DalleDeviceException exception) when (fallbackToCpu)
        {
            using var channel = environment.Start(nameof(DalleGenerateTransformer));
            channel.Warning(MessageSensitivity.None, exception.Message + " Running on the CPU instead.");
            return new DalleGenerateTransformer(DalleModel.Load(path), options);
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing or not text, or the seed column is not UInt64.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new GeneratedColumns(inputSchema, _options).Output;
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing or not text, or the seed column is not UInt64.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new GeneratedDataView(input, new GeneratedColumns(input.Schema, _options), this);
    }

    /// <inheritdoc/>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return new GeneratedRowMapper(new GeneratedColumns(inputSchema, _options), this);
    }

    /// <summary>Lets go of the model. Rows that are being drawn are finished.</summary>
    public void Dispose() => _model.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => GenerateMapping.Save(ctx, _options, _model.Info);

    internal int BatchSize => _options.BatchSize;

    internal RowReader Reader(DataViewRow row, GeneratedColumns columns) => new(row, columns, _options.Seed!.Value);

    internal IEnumerable<GeneratedImage> Generate(IReadOnlyList<GenerationRequest> requests) =>
        _model.Generate(requests, _options.Generation, _options.Progress, _options.CancellationToken);
}
