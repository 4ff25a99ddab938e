using System.Reflection;
using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>The values that a column has in the rows of a group.</summary>
internal abstract class ColumnBuffer
{
    private static readonly MethodInfo Generic =
        typeof(ColumnBuffer).GetMethod(nameof(Create), 1, [typeof(DataViewRow), typeof(DataViewSchema.Column)])!;

    public static ColumnBuffer Create(DataViewRow row, DataViewSchema.Column column) =>
        (ColumnBuffer)Generic.MakeGenericMethod(column.Type.RawType).Invoke(null, BindingFlags.DoNotWrapExceptions, null, [row, column], null)!;

    public static ColumnBuffer Create<T>(DataViewRow row, DataViewSchema.Column column) => new Buffer<T>(row.GetGetter<T>(column));

    /// <summary>Keeps the value of the current row.</summary>
    public abstract void Add();

    /// <summary>Whether the current row has the value that was kept first.</summary>
    public abstract bool IsSame();

    public abstract void Clear();

    /// <summary>A getter of the value that was kept first, second, and so on.</summary>
    public abstract Delegate Getter(Func<int> index);

    private sealed class Buffer<T>(ValueGetter<T> getter) : ColumnBuffer
    {
        private readonly List<T> _values = [];
        private T _image = default!;

        public override void Add() => _values.Add(Read());

        public override bool IsSame() => (Read(), _values[0]) switch
        {
            (ReadOnlyMemory<char> current, ReadOnlyMemory<char> first) => current.Span.SequenceEqual(first.Span),
            var (current, first) => EqualityComparer<T>.Default.Equals(current, first),
        };

        public override void Clear()
        {
            if (typeof(T) == typeof(MLImage))
                _values.ForEach(value => (value as MLImage)?.Dispose());
            _values.Clear();
        }

        // Readers may dispose the images they get.
        public override Delegate Getter(Func<int> index) => (ValueGetter<T>)((ref T value) => value = Copy(_values[index()]));

        /// <summary>A separate value, which no other row writes into.</summary>
        private T Read()
        {
            if (typeof(T) != typeof(MLImage))
            {
                T value = default!;
                getter(ref value);
                return value;
            }

            // The image that was read before goes into the getter, which disposes it: nobody else may.
            getter(ref _image);
            return Copy(_image);
        }

        private static T Copy(T value) => value is MLImage image ? (T)(object)image.Copy() : value;
    }
}
