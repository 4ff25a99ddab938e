using System.Reflection;
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

        public override void Add() => _values.Add(Read());

        public override bool IsSame() => (Read(), _values[0]) switch
        {
            (ReadOnlyMemory<char> current, ReadOnlyMemory<char> first) => current.Span.SequenceEqual(first.Span),
            var (current, first) => EqualityComparer<T>.Default.Equals(current, first),
        };

        public override void Clear() => _values.Clear();

        // Images are copied, as readers dispose those that they get.
        public override Delegate Getter(Func<int> index) => (ValueGetter<T>)((ref T value) => value = _values[index()] is MLImage image
            ? (T)(object)MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels)
            : _values[index()]);

        /// <summary>A value of its own, which no other row writes into.</summary>
        private T Read()
        {
            T value = default!;
            getter(ref value);
            return value;
        }
    }
}
