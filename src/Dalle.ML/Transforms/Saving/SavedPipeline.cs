using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms.Saving;

/// <summary>
/// A pipeline that ML.NET has loaded, in which each chain of built-ins that a component was saved as, see <see cref="SavedComponent"/>, is
/// replaced by the component.
/// </summary>
internal sealed class SavedPipeline(IHostEnvironment environment)
{
    private readonly List<ComponentTransformer> _restored = [];

    /// <param name="loaded">The pipeline as ML.NET loaded it.</param>
    /// <param name="inputSchema">The schema of the input data; null if it is not known yet.</param>
    /// <exception cref="ArgumentOutOfRangeException">An input column of a component is missing or of another type.</exception>
    /// <exception cref="DalleBundleException">A model is missing or has changed.</exception>
    /// <exception cref="DalleDeviceException">A device cannot be used, nor may the CPU take its place.</exception>
    public ITransformer Restore(ITransformer loaded, DataViewSchema? inputSchema = null)
    {
        try
        {
            var restored = RestoreStep(loaded);
            if (inputSchema is not null)
                Check(restored, inputSchema);
            return restored;
        }
        catch
        {
            _restored.ForEach(component => component.Dispose());
            throw;
        }
    }

    /// <summary>
    /// Refuses a schema that a component does not accept. ML.NET does not save image columns, so nothing can be checked from the first step that lacks
    /// its input.
    /// </summary>
    private static void Check(ITransformer pipeline, DataViewSchema schema)
    {
        foreach (var step in StepsOf(pipeline))
        {
            try
            {
                schema = step.GetOutputSchema(schema);
            }
            catch (ArgumentOutOfRangeException) when (step is not ComponentTransformer component || component.MissesImage(schema))
            {
                return;
            }
        }
    }

    private static IEnumerable<ITransformer> StepsOf(ITransformer pipeline) =>
        pipeline is IEnumerable<ITransformer> chain ? chain.SelectMany(StepsOf) : [pipeline];

    private ITransformer RestoreStep(ITransformer loaded)
    {
        if (loaded is not IEnumerable<ITransformer> chain)
            return loaded;
        ITransformer[] steps = [.. chain];
        if (steps is not [CustomMappingTransformer<DefaultsMapping.Nothing, Row>, _, ..])
            return new TransformerChain<ITransformer>([.. steps.Select(RestoreStep)]);

        var component = RestoreComponent(ReadRecord(steps[..2]));
        _restored.Add(component);
        return component;
    }

    private ComponentTransformer RestoreComponent(SavedComponent saved)
    {
        var (device, fallbackToCpu) = CatalogEnvironment.Device(environment, saved.Options.GpuDeviceId, saved.Options.FallbackToCpu);
        var runner = saved.Load(device, fallbackToCpu, warning => CatalogEnvironment.Warn(environment, nameof(DalleCatalog.LoadDalle), warning));
        return runner.Options.CreateTransformer(runner);
    }

    /// <summary>The first two steps make the record, a constant: a row with nothing in it gives it.</summary>
    private static SavedComponent ReadRecord(ITransformer[] steps)
    {
        var row = new MLContext().Data.LoadFromEnumerable([new AnyRow()]);
        var view = steps.Aggregate(row, (view, step) => step.Transform(view));
        return SavedComponent.FromText(view.GetColumn<string>(SavedComponent.Column).Single());
    }

    private sealed class AnyRow
    {
        public bool Nothing { get; set; }
    }
}
