using Dalle.ML.Generation;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms;

/// <summary>
/// The schema that <see cref="DalleGenerateTransformer"/> makes of another: all columns of the input under their old indices, then its own.
/// </summary>
internal sealed class GeneratedColumns
{
    private readonly List<Delegate> _values = [];

    /// <exception cref="ArgumentOutOfRangeException">The input column is missing or not text, or the seed column is not UInt64.</exception>
    public GeneratedColumns(DataViewSchema input, DalleGenerateEstimator.Options options)
    {
        CheckInput(input, options);
        Input = input;
        Prompt = input[options.PromptColumnName];
        SeedSource = options.InputSeedColumnName is { } name ? input[name] : null;

        // Types of images must be known to ML.NET before a column has them.
        new MLImageTypeAttribute().Register();
        var schema = new DataViewSchema.Builder();
        schema.AddColumns(input);
        Add(options.OutputColumnName, new ImageDataViewType(), (ref MLImage value, GeneratedImage row) =>
            // Always a new image: readers dispose the one that they hand in, and may keep the one that they get.
            value = MLImage.CreateFromPixels(row.Image.Width, row.Image.Height, row.Image.PixelFormat, row.Image.Pixels));
        Add(options.SeedColumnName, NumberDataViewType.UInt64, (ref ulong value, GeneratedImage row) => value = row.Seed);
        Add(options.TokensColumnName, new VectorDataViewType(NumberDataViewType.Int32), (ref VBuffer<int> value, GeneratedImage row) =>
            value = new VBuffer<int>(row.Tokens.Count, [.. row.Tokens]));
        Add(options.ScoreColumnName, NumberDataViewType.Single, (ref float value, GeneratedImage row) => value = row.Score);
        Output = schema.ToSchema();

        void Add<T>(string? name, DataViewType type, Value<T> value)
        {
            if (name is null)
                return;
            schema.AddColumn(name, type);
            _values.Add(value);
        }
    }

    private delegate void Value<T>(ref T value, GeneratedImage row);

    public DataViewSchema Input { get; }

    public DataViewSchema Output { get; }

    public DataViewSchema.Column Prompt { get; }

    public DataViewSchema.Column? SeedSource { get; }

    /// <summary>The columns that drawing a row reads.</summary>
    public IEnumerable<DataViewSchema.Column> Sources => SeedSource is { } seed ? [Prompt, seed] : [Prompt];

    public bool IsGenerated(DataViewSchema.Column column) => column.Index >= Input.Count;

    /// <summary>The input's columns among those of our schema: indices are the same, names may be hidden by ours.</summary>
    public IEnumerable<DataViewSchema.Column> PassedThrough(IEnumerable<DataViewSchema.Column> columns) =>
        columns.Where(column => !IsGenerated(column)).Select(column => Input[column.Index]);

    /// <summary>The input's columns that a cursor needs for those of ours that are active.</summary>
    public IEnumerable<DataViewSchema.Column> Needed(IReadOnlyCollection<DataViewSchema.Column> active, bool isDrawnHere) =>
        PassedThrough(active).Concat(isDrawnHere ? Sources : []).DistinctBy(column => column.Index);

    /// <summary>A getter of one of our own columns, from the image of the current row.</summary>
    /// <exception cref="InvalidOperationException"><typeparamref name="TValue"/> is not the column's type.</exception>
    public ValueGetter<TValue> Getter<TValue>(DataViewSchema.Column column, Func<GeneratedImage> current)
    {
        var getter = _values[column.Index - Input.Count] as Value<TValue>
            ?? throw new InvalidOperationException($"Column '{column.Name}' holds {column.Type.RawType.Name}, not {typeof(TValue).Name}.");
        return (ref TValue value) => getter(ref value, current());
    }

    public static void CheckInput(DataViewSchema schema, DalleGenerateEstimator.Options options)
    {
        Check(options.PromptColumnName, nameof(options.InputColumnName), TextDataViewType.Instance);
        if (options.InputSeedColumnName is { } seed)
            Check(seed, nameof(options.InputSeedColumnName), NumberDataViewType.UInt64);

        void Check(string name, string option, DataViewType expected)
        {
            if (schema.GetColumnOrNull(name) is not { } column)
                throw Missing(name, option, schema.Select(known => known.Name));
            if (!column.Type.Equals(expected))
                throw WrongType(name, option, column.Type, expected);
        }
    }

    public static void CheckInput(SchemaShape schema, DalleGenerateEstimator.Options options)
    {
        Check(options.PromptColumnName, nameof(options.InputColumnName), TextDataViewType.Instance);
        if (options.InputSeedColumnName is { } seed)
            Check(seed, nameof(options.InputSeedColumnName), NumberDataViewType.UInt64);

        void Check(string name, string option, DataViewType expected)
        {
            var column = schema.FirstOrDefault(known => known.Name == name);
            if (column.Name is null)
                throw Missing(name, option, schema.Select(known => known.Name));
            if (column.Kind != SchemaShape.Column.VectorKind.Scalar || column.IsKey || !column.ItemType.Equals(expected))
                throw WrongType(name, option, column.IsKey ? "keys" : column.Kind == SchemaShape.Column.VectorKind.Scalar ? column.ItemType : $"a vector of {column.ItemType}", expected);
        }
    }

    private static ArgumentOutOfRangeException Missing(string name, string option, IEnumerable<string> columns) =>
        new(option, $"There is no column '{name}'. The data has: {string.Join(", ", columns.Select(column => $"'{column}'"))}.");

    private static ArgumentOutOfRangeException WrongType(string name, string option, object actual, DataViewType expected) =>
        new(option, $"Column '{name}' holds {actual}; {expected} is expected.");
}
