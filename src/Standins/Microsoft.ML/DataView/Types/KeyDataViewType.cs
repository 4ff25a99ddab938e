namespace Microsoft.ML.Data;

/// <summary>One of a number of categories, stored from 1 on; 0 stands for a missing value.</summary>
public sealed class KeyDataViewType : PrimitiveDataViewType
{
    private static readonly Type[] RawTypes = [typeof(byte), typeof(ushort), typeof(uint), typeof(ulong)];

    public KeyDataViewType(Type type, ulong count) : base(type)
    {
        if (!RawTypes.Contains(type))
            throw new ArgumentOutOfRangeException(nameof(type), type, "Keys are stored in unsigned integers.");
        ArgumentOutOfRangeException.ThrowIfZero(count);
        Count = count;
    }

    public KeyDataViewType(Type type, int count) : this(type, count > 0 ? (ulong)count : 0)
    {
    }

    internal ulong Count { get; }

    public override bool Equals(DataViewType other) => other is KeyDataViewType key && key.RawType == RawType && key.Count == Count;

    public override bool Equals(object obj) => obj is DataViewType other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(RawType, Count);

    public override string ToString() => $"Key<{RawType.Name}, 0-{Count - 1}>";
}
