using Dalle.ML.Transforms.Rows;
using Microsoft.ML.Runtime;

namespace Dalle.ML.Transforms;

/// <summary>Options shared by components that sample: what they make follows from a seed.</summary>
public abstract record SeededComponentOptions : ComponentOptions
{
    private readonly int _batchSize = 1;

    private protected SeededComponentOptions()
    {
    }

    /// <summary>Name of a column of seeds, UInt64, one per row; <see cref="Seed"/> applies to all rows if null.</summary>
    public string? InputSeedColumnName { get; init; }

    /// <summary>
    /// Seed of all rows. If null it is the seed of the context, so that <c>new MLContext(seed: 7)</c> generates the same images as <c>Seed = 7</c>,
    /// whatever else the context was used for; components of one context share it. A context without a seed gives each component a random
    /// one. Either is saved with a pipeline.
    /// </summary>
    public ulong? Seed { get; init; }

    /// <summary>
    /// Number of rows generated together, 1 or more. The results are the same; larger batches are faster, and at most one batch is generated
    /// unnecessarily if the reader stops. The rows ahead are read by a second cursor over the input.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is less than 1.</exception>
    public int BatchSize
    {
        get => _batchSize;
        init => _batchSize = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(BatchSize), value, "BatchSize must be at least 1.");
    }

    internal override ComponentOptions WithSeed(IHostEnvironment environment) =>
        this with { Seed = Seed ?? CatalogEnvironment.Seed(environment) };

    internal IEnumerable<InputColumn> SeedInput =>
        InputSeedColumnName is { } name ? [new InputColumn(name, nameof(InputSeedColumnName), RowField.Seed)] : [];

    internal ulong SeedOf(Row row) => InputSeedColumnName is null ? Seed!.Value : row.Seed;
}
