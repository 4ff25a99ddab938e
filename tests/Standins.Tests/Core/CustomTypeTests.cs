using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class CustomTypeTests
{
    private readonly MLContext _ml = new(seed: 1);

    public sealed class Money(decimal amount)
    {
        public decimal Amount { get; } = amount;
    }

    public sealed class MoneyDataViewType() : StructuredDataViewType(typeof(Money))
    {
        public override bool Equals(DataViewType? other) => other is MoneyDataViewType;

        public override bool Equals(object? obj) => obj is MoneyDataViewType;

        public override int GetHashCode() => typeof(MoneyDataViewType).GetHashCode();
    }

    public sealed class MoneyAttribute : DataViewTypeAttribute
    {
        public override void Register() => DataViewTypeManager.Register(new MoneyDataViewType(), typeof(Money), this);

        public override bool Equals(DataViewTypeAttribute? other) => other is MoneyAttribute;

        public override int GetHashCode() => typeof(MoneyAttribute).GetHashCode();
    }

    public sealed class CoinDataViewType() : StructuredDataViewType(typeof(Money))
    {
        public override bool Equals(DataViewType? other) => other is CoinDataViewType;

        public override bool Equals(object? obj) => obj is CoinDataViewType;

        public override int GetHashCode() => typeof(CoinDataViewType).GetHashCode();
    }

    public sealed class CoinAttribute : DataViewTypeAttribute
    {
        public override void Register() => throw new NotSupportedException();

        public override bool Equals(DataViewTypeAttribute? other) => other is CoinAttribute;

        public override int GetHashCode() => typeof(CoinAttribute).GetHashCode();
    }

    public readonly record struct Grade(int Value)
    {
        public static Grade Good { get; } = new(1);
    }

    public sealed class GradeDataViewType() : PrimitiveDataViewType(typeof(Grade))
    {
        public override bool Equals(DataViewType? other) => other is GradeDataViewType;

        public override bool Equals(object? obj) => obj is GradeDataViewType;

        public override int GetHashCode() => typeof(GradeDataViewType).GetHashCode();
    }

    public sealed class Graded
    {
        public Grade Grade { get; set; }
    }

    public sealed class Purchase
    {
        [Money]
        public Money? Price { get; set; }

        public string Item { get; set; } = "";
    }

    public sealed class Priced
    {
        [Money]
        public Money? Total { get; set; }
    }

    public sealed class Bare
    {
        public CustomTypeTests? Price { get; set; }
    }

    [Fact]
    public void A_member_of_a_registered_type_is_a_column()
    {
        var price = new Money(5);
        var data = _ml.Data.LoadFromEnumerable<Purchase>([new() { Price = price, Item = "tea" }]);

        Assert.Equal(new MoneyDataViewType(), data.Schema["Price"].Type);
        Assert.Same(price, _ml.Data.CreateEnumerable<Purchase>(data, false).Single().Price);
        Assert.Same(price, data.GetColumn<Money>("Price").Single());
    }

    [Fact]
    public void A_member_of_a_type_that_is_not_registered_is_an_error() =>
        Assert.ThrowsAny<Exception>(() => _ml.Data.LoadFromEnumerable<Bare>([]));

    [Fact]
    public void A_mapping_takes_and_makes_such_values()
    {
        var data = _ml.Data.LoadFromEnumerable<Purchase>([new() { Price = new Money(5) }]);
        var pipeline = _ml.Transforms
            .CustomMapping<Purchase, Priced>((purchase, priced) => priced.Total = new Money(purchase.Price!.Amount * 2), null)
            .Append(_ml.Transforms.CopyColumns("Copy", "Total"));
        Assert.Equal(10, pipeline.Fit(data).Transform(data).GetColumn<Money>("Copy").Single().Amount);
    }

    [Fact]
    public void A_cache_and_a_saved_schema_leave_such_columns_out()
    {
        var data = _ml.Data.LoadFromEnumerable<Purchase>([new() { Price = new Money(5), Item = "tea" }]);
        Assert.Equal(["Item"], _ml.Data.Cache(data).Schema.Select(column => column.Name));

        using var stream = new MemoryStream();
        _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Item").Fit(data), data.Schema, stream);
        stream.Position = 0;
        _ml.Model.Load(stream, out var schema);
        Assert.Equal(["Item"], schema.Select(column => column.Name));
    }

    [Fact]
    public void Registering_the_same_again_changes_nothing_and_another_counterpart_is_an_error()
    {
        new MoneyAttribute().Register();
        new MoneyAttribute().Register();
        Assert.ThrowsAny<Exception>(() => DataViewTypeManager.Register(new MoneyDataViewType(), typeof(Money), new CoinAttribute()));
        Assert.ThrowsAny<Exception>(() => DataViewTypeManager.Register(new CoinDataViewType(), typeof(Money), new MoneyAttribute()));
    }

    [Fact]
    public void A_type_stands_for_its_own_values_only() =>
        Assert.ThrowsAny<Exception>(() => DataViewTypeManager.Register(new MoneyDataViewType(), typeof(string)));

    [Fact]
    public void A_primitive_type_may_be_custom_too()
    {
        DataViewTypeManager.Register(new GradeDataViewType(), typeof(Grade));
        var data = _ml.Data.LoadFromEnumerable<Graded>([new() { Grade = Grade.Good }]);

        Assert.Equal(new GradeDataViewType(), data.Schema["Grade"].Type);
        Assert.Equal(Grade.Good, _ml.Data.CreateEnumerable<Graded>(data, false).Single().Grade);
        Assert.ThrowsAny<Exception>(
            () => DataViewTypeManager.Register(TextDataViewType.Instance, typeof(ReadOnlyMemory<char>), new CoinAttribute()));
    }
}
