using System.Collections.Immutable;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class DataViewTypeTests
{
    [Fact]
    public void Types_have_the_raw_types_of_their_values()
    {
        Assert.Equal(typeof(ReadOnlyMemory<char>), TextDataViewType.Instance.RawType);
        Assert.Equal(typeof(bool), BooleanDataViewType.Instance.RawType);
        Assert.Equal(typeof(sbyte), NumberDataViewType.SByte.RawType);
        Assert.Equal(typeof(double), NumberDataViewType.Double.RawType);
        Assert.Equal(typeof(VBuffer<float>), new VectorDataViewType(NumberDataViewType.Single, 3).RawType);
        Assert.Equal(typeof(uint), new KeyDataViewType(typeof(uint), 10).RawType);
    }

    [Fact]
    public void Types_are_equal_by_content()
    {
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Int64, 2, 3), new VectorDataViewType(NumberDataViewType.Int64, 2, 3));
        Assert.NotEqual(new VectorDataViewType(NumberDataViewType.Int64, 2, 3), new VectorDataViewType(NumberDataViewType.Int64, 6));
        Assert.NotEqual(new VectorDataViewType(NumberDataViewType.Int64, 6), new VectorDataViewType(NumberDataViewType.Int32, 6));
        Assert.Equal(new KeyDataViewType(typeof(uint), 10), new KeyDataViewType(typeof(uint), 10UL));
        Assert.NotEqual(new KeyDataViewType(typeof(uint), 10), new KeyDataViewType(typeof(uint), 11));
        Assert.False(NumberDataViewType.UInt32.Equals(new KeyDataViewType(typeof(uint), 10)));
    }

    [Fact]
    public void A_vector_knows_its_dimensions()
    {
        var vector = new VectorDataViewType(NumberDataViewType.Byte, ImmutableArray.Create(4, 5));
        Assert.Equal([4, 5], vector.Dimensions);
        Assert.Equal(20, vector.Size);
        Assert.True(vector.IsKnownSize);
        Assert.Equal(NumberDataViewType.Byte, vector.ItemType);
        Assert.False(new VectorDataViewType(NumberDataViewType.Byte).IsKnownSize);
    }
}
