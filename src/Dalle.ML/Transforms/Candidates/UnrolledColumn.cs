using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>A column of candidates, made of a vector column of the input.</summary>
/// <param name="Name">The column's name.</param>
/// <param name="Type">The column's type.</param>
/// <param name="Source">The vector; null for the number of the candidate itself.</param>
/// <param name="Bind">Makes the column's getter for a cursor.</param>
internal sealed record UnrolledColumn(string Name, DataViewType Type, DataViewSchema.Column? Source, Func<UnrolledCursor, Delegate> Bind)
{
    /// <summary>The annotations of the column, such as that it has scores.</summary>
    public DataViewSchema.Annotations Annotations { get; private init; } = DataViewSchema.Annotations.Empty;

    public static UnrolledColumn Number(string name) =>
        new(name, NumberDataViewType.Int32, Source: null, cursor => (ValueGetter<int>)((ref int value) => value = cursor.Candidate));

    /// <summary>One item per candidate.</summary>
    public static UnrolledColumn Item<T>(string name, DataViewSchema.Column source) =>
        new(name, ((VectorDataViewType)source.Type).ItemType, source, cursor =>
        {
            var vector = cursor.Vector<T>(source);
            return (ValueGetter<T>)((ref T value) => value = vector()[cursor.Candidate]);
        })
        {
            Annotations = ColumnAnnotations.OfItems(source),
        };

    /// <summary>Several items per candidate.</summary>
    /// <param name="name">The column's name.</param>
    /// <param name="type">The column's type.</param>
    /// <param name="source">The vector.</param>
    /// <param name="make">Converts the items of a candidate.</param>
    public static UnrolledColumn Slice<T, TValue>(string name, DataViewType type, DataViewSchema.Column source, Func<T[], TValue> make) =>
        new(name, type, source, cursor =>
        {
            var vector = cursor.Vector<T>(source);
            return (ValueGetter<TValue>)((ref TValue value) =>
            {
                var items = vector();
                if (items.Length % cursor.Candidates != 0)
                    throw new InvalidOperationException($"Column '{source.Name}' has {items.Length} values, which is not a multiple of its {cursor.Candidates} candidates.");
                var size = items.Length / cursor.Candidates;
                value = make(items[(cursor.Candidate * size)..((cursor.Candidate + 1) * size)]);
            });
        });
}
