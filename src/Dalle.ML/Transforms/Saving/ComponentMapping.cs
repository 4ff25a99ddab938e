using System.Collections.Concurrent;
using Dalle.ML.Runtime;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML.Transforms;

namespace Dalle.ML.Transforms.Saving;

/// <summary>
/// Any component in a loaded pipeline. Its model is loaded when the first row is run; as ML.NET disposes no mapping, it goes when the
/// pipeline is collected.
/// </summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class ComponentMapping : CustomMappingFactory<Row, RowResult>
{
    public const string Contract = Row.Prefix + "Component/1";

    public override Action<Row, RowResult> GetMapping()
    {
        var runners = new ConcurrentDictionary<string, OnDemand<RowRunner>>();
        return (row, result) =>
        {
            var runner = runners.GetOrAdd(row.Component, text => new OnDemand<RowRunner>(() => SavedComponent.FromText(text).Load())).Value;
            using var image = runner.ImageSize?.ToImage(row.Pixels);
            row.Image = image ?? row.Image;
            using var outcome = runner.RunAlone(row);
            result.Take(outcome.Result);
        };
    }
}

/// <summary>The columns that a component does not read.</summary>
[CustomMappingFactoryAttribute(Contract)]
internal sealed class DefaultsMapping : CustomMappingFactory<DefaultsMapping.Nothing, Row>
{
    public const string Contract = Row.Prefix + "Defaults/1";

    public override Action<Nothing, Row> GetMapping() => (_, _) => { };

    internal sealed class Nothing;
}
