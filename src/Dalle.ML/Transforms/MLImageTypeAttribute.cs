using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms;

/// <summary>
/// Marks an <see cref="MLImage"/> member of a row class as an image column of any size, as Dalle.ML's components make them.
/// (ML.NET's own <see cref="ImageTypeAttribute"/> is for columns of a fixed size, e.g. after ResizeImages.)
/// </summary>
/// <example>
/// <code>
/// class Picture
/// {
///     public string Prompt { get; set; }
///     [MLImageType] public MLImage Image { get; set; }
/// }
/// </code>
/// </example>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public sealed class MLImageTypeAttribute : DataViewTypeAttribute
{
    /// <inheritdoc/>
    public override void Register() => DataViewTypeManager.Register(new ImageDataViewType(), typeof(MLImage), this);

    /// <inheritdoc/>
    public override bool Equals(DataViewTypeAttribute? other) => other is MLImageTypeAttribute;

    /// <inheritdoc/>
    public override int GetHashCode() => typeof(MLImageTypeAttribute).GetHashCode();
}
