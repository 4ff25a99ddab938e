namespace Microsoft.ML.Data;

/// <summary>Put on a member, says which column type a custom .NET type stands for.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public abstract class DataViewTypeAttribute : Attribute, IEquatable<DataViewTypeAttribute>
{
    /// <summary>Calls <see cref="DataViewTypeManager.Register"/>; called before the member is bound.</summary>
    public abstract void Register();

    public abstract bool Equals(DataViewTypeAttribute other);

    public override bool Equals(object obj) => obj is DataViewTypeAttribute other && Equals(other);

    public abstract override int GetHashCode();
}
