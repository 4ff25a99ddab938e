using System.Diagnostics.CodeAnalysis;

namespace Microsoft.ML.Data;

/// <summary>A 128-bit name of a row that stays the same whatever the order in which rows are visited.</summary>
[SuppressMessage("Usage", "CA2231", Justification = "Operators would be public members that the listing does not have.")]
public readonly struct DataViewRowId(ulong low, ulong high) : IEquatable<DataViewRowId>
{
    internal readonly ulong Low = low;

    internal readonly ulong High = high;

    public bool Equals(DataViewRowId other) => Low == other.Low && High == other.High;

    public override bool Equals(object obj) => obj is DataViewRowId other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Low, High);

    public override string ToString() => $"{High:x16}{Low:x16}";
}
