using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Standins.Tests.Images;

public class ImageTypeTests
{
    [Fact]
    public void Types_are_equal_when_their_sizes_are()
    {
        Assert.SkipUnless(Feed.IsStandin, "In the real package two types of one size differ.");
        Assert.Equal(new ImageDataViewType(2, 3), new ImageDataViewType(2, 3));
        Assert.Equal(new ImageDataViewType(2, 3).GetHashCode(), new ImageDataViewType(2, 3).GetHashCode());
        Assert.NotEqual(new ImageDataViewType(2, 3), new ImageDataViewType(3, 2));
        Assert.NotEqual(new ImageDataViewType(2, 3), new ImageDataViewType());
        Assert.Equal(new ImageDataViewType(), new ImageDataViewType());
        Assert.False(new ImageDataViewType().Equals(TextDataViewType.Instance));
    }

    [Fact]
    public void Values_are_images() => Assert.Equal(typeof(MLImage), new ImageDataViewType().RawType);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(-1, 1)]
    public void A_size_is_positive(int height, int width) =>
        Assert.ThrowsAny<ArgumentOutOfRangeException>(() => new ImageDataViewType(height, width));

    [Fact]
    public void Attributes_are_equal_when_their_sizes_are()
    {
        Assert.True(new ImageTypeAttribute(2, 3).Equals((DataViewTypeAttribute)new ImageTypeAttribute(2, 3)));
        Assert.False(new ImageTypeAttribute(2, 3).Equals((DataViewTypeAttribute)new ImageTypeAttribute(3, 2)));
        Assert.Equal(new ImageTypeAttribute(2, 3).GetHashCode(), new ImageTypeAttribute(2, 3).GetHashCode());
    }

    [Fact]
    public void The_attribute_gives_a_member_its_type_height_first() =>
        Assert.Equal(new ImageDataViewType(ImageRow.Height, ImageRow.Width), ImageRow.Data(new()).Schema[nameof(ImageRow.Image)].Type);
}
