using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms.Image;

/// <summary>Put on a member of type <see cref="MLImage"/>, says the size of its images.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public sealed class ImageTypeAttribute : DataViewTypeAttribute
{
    private readonly ImageDataViewType _type;

    public ImageTypeAttribute(int height, int width) => _type = new ImageDataViewType(height, width);

    public override void Register() => DataViewTypeManager.Register(_type, typeof(MLImage), this);

    public override bool Equals(DataViewTypeAttribute other) => other is ImageTypeAttribute image && image._type.Equals(_type);

    public override bool Equals(object obj) => obj is DataViewTypeAttribute other && Equals(other);

    public override int GetHashCode() => _type.GetHashCode();
}
