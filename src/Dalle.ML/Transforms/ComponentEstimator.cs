using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>Base class of the estimators of Dalle.ML: they read only the schema of the data, and load the model.</summary>
/// <typeparam name="TTransformer">The component's transformer.</typeparam>
public abstract class ComponentEstimator<TTransformer> : IEstimator<TTransformer>
    where TTransformer : ComponentTransformer
{
    private readonly TransformsCatalog _catalog;
    private readonly IHostEnvironment _environment;
    private readonly ComponentOptions _options;
    private readonly RowComponent _component;

    private protected ComponentEstimator(TransformsCatalog catalog, ComponentOptions options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(options);
        _catalog = catalog;
        _environment = CatalogEnvironment.Of(catalog);
        _options = options.WithSeed(_environment);
        _component = _options.CreateComponent();
        foreach (var input in _component.Inputs.Where(input => string.IsNullOrEmpty(input.Name)))
            throw new ArgumentException($"{input.Option} is empty. Name the input column.", nameof(options));
        foreach (var group in RowRunner.OutputsOf(_options, _component).GroupBy(output => output.Name))
        {
            if (group.Key!.Length == 0)
                throw new ArgumentException("The name of an output column is empty.", nameof(options));
            if (group.Count() > 1)
                throw new ArgumentException($"Two output columns have the name '{group.Key}'.", nameof(options));
        }
    }

    /// <summary>Loads the model. Only the schema of the data is read.</summary>
    /// <param name="input">Data with the columns that the options name.</param>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    /// <exception cref="DalleBundleException">The model's bundle cannot be used.</exception>
    /// <exception cref="DalleDeviceException">The device cannot be used, and fallback to the CPU was not requested.</exception>
    /// <exception cref="NotSupportedException">The model lacks what the component needs.</exception>
    public TTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var imageSizes = new Dictionary<ImageField, ImageSize>();
        foreach (var column in _component.Inputs)
        {
            var found = column.Find(input.Schema);
            if (column.Field is ImageField field && ImageSize.Of(_catalog, input, found) is { } size)
                imageSizes.Add(field, size);
        }
        if (_options.Model is { } given)
            return Create(given.AddRef(), imageSizes, given.Info.Device, fallbackToCpu: false);
        var (device, fallbackToCpu) = CatalogEnvironment.Device(_environment, _options.GpuDeviceId, _options.FallbackToCpu);
        var model = ModelLoader.Load(_options.ModelPath ?? DalleModel.DefaultPath, device, fallbackToCpu, Warn);
        return Create(model, imageSizes, device, fallbackToCpu);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">An input column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (var column in _component.Inputs)
            column.Check(inputSchema);

        // Third parties cannot make a SchemaShape.Column: it is borrowed from a mapping that has such outputs. Sizes are not part of it, nor
        // values of annotations, so that those of any size will do.
        var outputs = RowRunner.OutputsOf(_options, _component).ToArray();
        var definition = SchemaDefinition.Create(typeof(RowResult), SchemaDefinition.Direction.Write);
        foreach (var output in outputs)
            output.Describe(definition[output.Field.Source]);
        var shapes = _catalog.CustomMapping<NoColumns, RowResult>((_, _) => { }, contractName: null, outputSchemaDefinition: definition)
            .GetOutputSchema(new SchemaShape([]));
        var columns = inputSchema.ToDictionary(column => column.Name);
        foreach (var output in outputs)
        {
            var renamed = _catalog.CopyColumns(output.Name, output.Field.Source).GetOutputSchema(shapes);
            columns[output.Name!] = renamed.Single(column => column.Name == output.Name);
        }
        return new SchemaShape(columns.Values);
    }

    private TTransformer Create(DalleModel model, Dictionary<ImageField, ImageSize> imageSizes, DalleDevice device, bool fallbackToCpu)
    {
        var options = _options with { GpuDeviceId = device.GpuDeviceId, FallbackToCpu = fallbackToCpu };
        return (TTransformer)options.CreateTransformer(new RowRunner(options, model, imageSizes, Warn));
    }

    private void Warn(string warning) => CatalogEnvironment.Warn(_environment, GetType().Name, warning);

    private sealed class NoColumns;
}
