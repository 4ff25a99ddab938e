using System.Collections.Concurrent;
using System.Diagnostics;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms.Saving;

/// <summary>
/// Any component in a pipeline that <c>ml.Model.Load</c> loaded. ML.NET requests the mapping when it loads, but does not tell it the file:
/// the component is known only with the first row, and so is the model. As ML.NET does not dispose mappings, the model is freed
/// when the pipeline is garbage-collected. <see cref="SavedPipeline"/> has neither limit.
/// </summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class ComponentMapping : CustomMappingFactory<Row, RowResult>
{
    public const string Contract = Row.Prefix + "Component/1";

    public override Action<Row, RowResult> GetMapping()
    {
        var runners = new ConcurrentDictionary<string, RetryableLazy<RowRunner>>();
        return (row, result) =>
        {
            var runner = runners.GetOrAdd(row.Component, text => new RetryableLazy<RowRunner>(() => Load(SavedComponent.FromText(text)))).Value;
            using var image = runner.ImageSizes.GetValueOrDefault(RowField.Image)?.ToImage(row.Pixels);
            using var second = runner.ImageSizes.GetValueOrDefault(RowField.SecondImage)?.ToImage(row.SecondPixels);
            (row.Image, row.SecondImage) = (image ?? row.Image, second ?? row.SecondImage);
            using var outcome = runner.RunAlone(row);
            result.Take(outcome.Result);
        };
    }

    // A mapping has no channel for warnings.
    private static RowRunner Load(SavedComponent saved) => saved.Load(
        saved.Options.GpuDeviceId is { } id ? DalleDevice.Cuda(id) : DalleDevice.Cpu, saved.Options.FallbackToCpu, warning => Trace.TraceWarning(warning));
}

/// <summary>The columns that a component does not read.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class DefaultsMapping : CustomMappingFactory<DefaultsMapping.Nothing, Row>
{
    public const string Contract = Row.Prefix + "Defaults/1";

    public override Action<Nothing, Row> GetMapping() => (_, _) => { };

    internal sealed class Nothing;
}
