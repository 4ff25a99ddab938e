namespace Microsoft.ML.Data;

/// <summary>Values of one column, copied out of the rows that a cursor moves through.</summary>
internal abstract class ColumnBuffer
{
    internal static ColumnBuffer Create(DataViewSchema.Column column) =>
        (ColumnBuffer)Activator.CreateInstance(typeof(ColumnBuffer<>).MakeGenericType(column.Type.RawType));

    /// <summary>An action that copies the row's current value into a slot, the next new one or an earlier one.</summary>
    internal abstract Action<int> CreateWriter(DataViewRow row, DataViewSchema.Column column);

    /// <summary>A getter of the value in whichever slot is current.</summary>
    internal abstract Delegate CreateGetter(Func<int> slot);

    internal abstract object this[int slot] { get; }
}

internal sealed class ColumnBuffer<T> : ColumnBuffer
{
    private static readonly ValueCodec<T, T> Codec = ValueCodec.For<T, T>();

    private readonly List<T> _values = [];

    internal override object this[int slot] => _values[slot];

    internal override Action<int> CreateWriter(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        return slot =>
        {
            T value = default;
            getter(ref value);
            if (slot == _values.Count)
                _values.Add(value);
            else
                _values[slot] = value;
        };
    }

    internal override Delegate CreateGetter(Func<int> slot) =>
        new ValueGetter<T>((ref value) => Codec.Encode(_values[slot()], ref value));
}
