using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>Makes data views of objects and objects of data views, and picks rows.</summary>
public sealed class DataOperationsCatalog : IInternalCatalog
{
    private readonly IHostEnvironment _environment;

    internal DataOperationsCatalog(IHostEnvironment environment) => _environment = environment;

    IHostEnvironment IInternalCatalog.Environment => _environment;

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, SchemaDefinition schemaDefinition = null) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(data);
        return new ObjectDataView<TRow>(data, schemaDefinition);
    }

    public IDataView LoadFromEnumerable<TRow>(IEnumerable<TRow> data, DataViewSchema schema) where TRow : class
    {
        ArgumentNullException.ThrowIfNull(schema);
        var definition = SchemaDefinition.Create(typeof(TRow), SchemaDefinition.Direction.Read);
        return LoadFromEnumerable(data, definition.WithTypesOf(schema));
    }

    public IEnumerable<TRow> CreateEnumerable<TRow>(
        IDataView data, bool reuseRowObject, bool ignoreMissingColumns = false, SchemaDefinition schemaDefinition = null)
        where TRow : class, new()
    {
        ArgumentNullException.ThrowIfNull(data);
        return Enumerate(data, new ObjectReader<TRow>(data.Schema, schemaDefinition, ignoreMissingColumns), reuseRowObject);
    }

    /// <summary>
    /// Keeps the rows in memory once they have been read. Columns that are not primitive or vectors, images for one, are dropped.
    /// </summary>
    public IDataView Cache(IDataView data, params string[] columnsToPrefetch)
    {
        ArgumentNullException.ThrowIfNull(data);
        return new CachedDataView(data, columnsToPrefetch);
    }

    public IDataView TakeRows(IDataView input, long count)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new RangeDataView(input, skip: 0, take: count);
    }

    public IDataView SkipRows(IDataView input, long count)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return new RangeDataView(input, skip: count, take: long.MaxValue);
    }

    public IDataView ShuffleRows(IDataView input, int? seed = null, int shufflePoolSize = 1000, bool shuffleSource = true)
    {
        ArgumentNullException.ThrowIfNull(input);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(shufflePoolSize);
        return new ShuffledDataView(input, seed ?? NextSeed("Shuffle"), shufflePoolSize, shuffleSource);
    }

    public TrainTestData TrainTestSplit(
        IDataView data, double testFraction = 0.1, string samplingKeyColumnName = null, int? seed = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        if (testFraction is not (> 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(testFraction), testFraction, "The fraction lies between 0 and 1.");

        var key = samplingKeyColumnName == null ? (DataViewSchema.Column?)null : data.Schema.Find(samplingKeyColumnName);
        if (key is { Type: not PrimitiveDataViewType } wrong)
            throw SchemaMismatch.WrongType(wrong.Name, "a primitive type", wrong.Type);
        var split = new RowSplit(key, seed ?? NextSeed("TrainTestSplit"), testFraction);
        return new TrainTestData(new SplitDataView(data, split, first: false), new SplitDataView(data, split, first: true));
    }

    private int NextSeed(string name) => _environment.Register(name).Rand.Next();

    private static IEnumerable<TRow> Enumerate<TRow>(IDataView data, ObjectReader<TRow> reader, bool reuseRowObject)
        where TRow : class, new()
    {
        using var cursor = data.GetRowCursor(reader.Columns);
        var read = reader.CreateReader(cursor);
        for (TRow row = null; cursor.MoveNext();)
        {
            row = reuseRowObject && row != null ? row : new TRow();
            read(row);
            yield return row;
        }
    }

    public readonly struct TrainTestData
    {
        internal TrainTestData(IDataView trainSet, IDataView testSet)
        {
            TrainSet = trainSet;
            TestSet = testSet;
        }

        public IDataView TrainSet { get; }

        public IDataView TestSet { get; }
    }
}
