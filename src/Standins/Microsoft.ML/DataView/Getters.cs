using System.Reflection;

namespace Microsoft.ML;

/// <summary>Typed and untyped views of one and the same getter.</summary>
internal static class Getters
{
    private static readonly MethodInfo TypedGetter = typeof(DataViewRow).GetMethod(nameof(DataViewRow.GetGetter));

    internal static ValueGetter<TValue> Cast<TValue>(Delegate getter, DataViewSchema.Column column) =>
        getter as ValueGetter<TValue>
        ?? throw new InvalidOperationException($"Column '{column.Name}' of type {column.Type} cannot be read as {typeof(TValue)}.");

    /// <summary>The getter of a column whose raw type is known at run time only.</summary>
    internal static Delegate GetGetter(this DataViewRow row, DataViewSchema.Column column) =>
        TypedGetter.MakeGenericMethod(column.Type.RawType).CreateDelegate<Func<DataViewSchema.Column, Delegate>>(row)(column);
}
