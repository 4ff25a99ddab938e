using Dalle.ML.Generation;
using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>Draws a column of text: DALL·E as an estimator.</summary>
/// <remarks>
/// <format type="text/markdown"><![CDATA[
/// ### Estimator Characteristics
/// |  |  |
/// | -- | -- |
/// | Does this estimator need to look at the data to train its parameters? | No |
/// | Input column data type | Text |
/// | Output column data type | <xref:Microsoft.ML.Data.MLImage> |
/// | Required NuGet in addition to Microsoft.ML | Dalle.ML, and Microsoft.ML.OnnxRuntime or Microsoft.ML.OnnxRuntime.Gpu |
/// | Exportable to ONNX | No |
///
/// The resulting transformer is lazy: an image is drawn when its row is read and one of the output columns is active, and all outputs of a
/// row come from one generation. Rows of the same prompt and seed give the same image; a column of seeds makes them differ.
/// ]]></format>
/// </remarks>
public sealed class DalleGenerateEstimator : IEstimator<DalleGenerateTransformer>
{
    private readonly TransformsCatalog _catalog;
    private readonly IHostEnvironment _environment;
    private readonly Options _options;

    internal DalleGenerateEstimator(TransformsCatalog catalog, Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        foreach (var name in options.OutputColumnNames)
        {
            if (string.IsNullOrEmpty(name))
                throw new ArgumentException("The name of an output column is empty.", nameof(options));
            if (options.OutputColumnNames.Count(other => other == name) > 1)
                throw new ArgumentException($"Two output columns have the name '{name}'.", nameof(options));
        }
        _catalog = catalog;
        _environment = CatalogEnvironment.Of(catalog);
        _options = options.Resolve(_environment);
    }

    /// <summary>Options of <see cref="DalleGenerateEstimator"/>.</summary>
    public sealed record Options
    {
        private readonly int _batchSize = 1;

        /// <summary>Name of the text column to draw; <see cref="OutputColumnName"/> if null.</summary>
        public string? InputColumnName { get; init; }

        /// <summary>Name of a column of seeds, UInt64, one a row; <see cref="Seed"/> holds for all rows if null.</summary>
        public string? InputSeedColumnName { get; init; }

        /// <summary>Name of the image column to make.</summary>
        public string OutputColumnName { get; init; } = "Image";

        /// <summary>Name of a column to make with the seed, UInt64, that gives the row's image again; none if null.</summary>
        public string? SeedColumnName { get; init; }

        /// <summary>
        /// Name of a column to make with the image's codes in raster order, a vector of Int32; none if null. Its length is not in the schema,
        /// since a saved pipeline could not state it.
        /// </summary>
        public string? TokensColumnName { get; init; }

        /// <summary>Name of a column to make with CLIP's score, Single, not-a-number where the model has no ranker; none if null.</summary>
        public string? ScoreColumnName { get; init; }

        /// <summary>Folder of the model bundle; the built-in model if null.</summary>
        public string? ModelPath { get; init; }

        /// <summary>How images are generated.</summary>
        public GenerationOptions Generation { get; init; } = new();

        /// <summary>Seed of all rows; drawn from the context if null, so that <c>new MLContext(seed)</c> is reproducible.</summary>
        public ulong? Seed { get; init; }

        /// <summary>
        /// Rows that are drawn together, 1 or more. The images are the same; more is faster, and what is read ahead is drawn in vain if the
        /// reader stops. The prompts of the rows ahead are read by a second cursor over the input.
        /// </summary>
        /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
        public int BatchSize
        {
            get => _batchSize;
            init => _batchSize = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(BatchSize), value, "BatchSize must be at least 1.");
        }

        /// <summary>Number of the CUDA device; <see cref="MLContext.GpuDeviceId"/> if null, and the CPU if that is null too.</summary>
        public int? GpuDeviceId { get; init; }

        /// <summary>Whether to run on the CPU, with a warning, where <see cref="GpuDeviceId"/> cannot be used.</summary>
        public bool FallbackToCpu { get; init; }

        /// <summary>Told of each token. Not saved with the pipeline.</summary>
        public IProgress<DalleProgress>? Progress { get; init; }

        /// <summary>Checked at each token. Not saved with the pipeline.</summary>
        public CancellationToken CancellationToken { get; init; }

        internal string PromptColumnName => InputColumnName ?? OutputColumnName;

        internal IEnumerable<string?> OutputColumnNames =>
            new[] { SeedColumnName, TokensColumnName, ScoreColumnName }.Where(name => name is not null).Prepend(OutputColumnName);

        /// <summary>The options with nothing left to the context.</summary>
        internal Options Resolve(IHostEnvironment environment) =>
            this with { Seed = Seed ?? (ulong)environment.Register(nameof(DalleGenerateEstimator)).Rand.Next() };
    }

    /// <summary>Loads the model. The data is looked at for its schema only.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing or not text, or the seed column is not UInt64.</exception>
    /// <exception cref="Models.DalleBundleException">The model's bundle cannot be used.</exception>
    public DalleGenerateTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        GeneratedColumns.CheckInput(input.Schema, _options);
        return DalleGenerateTransformer.Create(_environment, _options);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">The input column is missing or not text, or the seed column is not UInt64.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        GeneratedColumns.CheckInput(inputSchema, _options);

        // Third parties cannot make a SchemaShape.Column: it is borrowed from a mapping that has such outputs, and renamed by a copy.
        var outputs = _catalog.CustomMapping<NoColumns, GenerateMapping.Output>((_, _) => { }, contractName: null).GetOutputSchema(new SchemaShape([]));
        var columns = inputSchema.ToDictionary(column => column.Name);
        foreach (var (name, source) in GenerateMapping.OutputNames(_options))
            columns[name] = _catalog.CopyColumns(name, source).GetOutputSchema(outputs).Single(column => column.Name == name);
        return new SchemaShape(columns.Values);
    }

    private sealed class NoColumns;
}
