using Microsoft.ML;
using Microsoft.ML.Data;

namespace Standins.Tests.Core;

public class SchemaTests
{
    [Fact]
    public void Of_two_columns_with_one_name_the_later_is_visible()
    {
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("A", TextDataViewType.Instance);
        builder.AddColumn("B", BooleanDataViewType.Instance);
        builder.AddColumn("A", NumberDataViewType.Int32);
        var schema = builder.ToSchema();

        Assert.Equal(3, schema.Count);
        Assert.Equal(2, schema["A"].Index);
        Assert.Equal([true, false, false], schema.Select(column => column.IsHidden));
        Assert.Equal(NumberDataViewType.Int32, schema["A"].Type);
        Assert.Equal("B", schema[1].Name);
    }

    [Fact]
    public void A_missing_column_is_null_or_an_error()
    {
        var schema = Samples.View(new MLContext()).Schema;

        Assert.Null(schema.GetColumnOrNull("Nowhere"));
        Assert.Equal("Text", schema.GetColumnOrNull("Text")!.Value.Name);
        Assert.Throws<ArgumentOutOfRangeException>(() => schema["Nowhere"]);
    }

    [Fact]
    public void Columns_of_one_schema_can_be_taken_over_into_another()
    {
        var source = Samples.View(new MLContext()).Schema;
        var builder = new DataViewSchema.Builder();
        builder.AddColumns(source);
        builder.AddColumns([new DataViewSchema.DetachedColumn("Extra", NumberDataViewType.Single), new(source["Text"])]);
        var schema = builder.ToSchema();

        Assert.Equal(["Text", "Number", "Extra", "Text"], schema.Select(column => column.Name));
        Assert.True(schema[0].IsHidden);
    }

    [Fact]
    public void Annotations_are_read_by_kind_and_by_column()
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddPrimitiveValue("Count", NumberDataViewType.Int32, 42);
        annotations.Add(
            "SlotNames",
            new VectorDataViewType(TextDataViewType.Instance, 2),
            (ref VBuffer<ReadOnlyMemory<char>> names) => names = new(2, ["x".AsMemory(), "y".AsMemory()]));
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("A", new VectorDataViewType(NumberDataViewType.Single, 2), annotations.ToAnnotations());
        var column = builder.ToSchema()["A"];

        var count = 0;
        column.Annotations.GetValue("Count", ref count);
        Assert.Equal(42, count);

        VBuffer<ReadOnlyMemory<char>> slotNames = default;
        column.Annotations.GetGetter<VBuffer<ReadOnlyMemory<char>>>(column.Annotations.Schema["SlotNames"])(ref slotNames);
        Assert.Equal(["x", "y"], slotNames.DenseValues().Select(name => name.ToString()));

        var wrong = 0f;
        Assert.ThrowsAny<Exception>(() => column.Annotations.GetValue("Count", ref wrong));
        Assert.ThrowsAny<Exception>(() => column.Annotations.GetValue("Nothing", ref count));
        Assert.Empty(DataViewSchema.Annotations.Empty.Schema);
    }

    [Fact]
    public void Annotations_are_selected_by_name()
    {
        var all = new DataViewSchema.Annotations.Builder();
        all.AddPrimitiveValue("Kept", NumberDataViewType.Int32, 1);
        all.AddPrimitiveValue("Left", NumberDataViewType.Int32, 2);
        var some = new DataViewSchema.Annotations.Builder();
        some.Add(all.ToAnnotations(), name => name == "Kept");

        Assert.Equal(["Kept"], some.ToAnnotations().Schema.Select(column => column.Name));
    }

    [Fact]
    public void A_copied_column_keeps_its_annotations()
    {
        var ml = new MLContext();
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.AddPrimitiveValue("Count", NumberDataViewType.Int32, 42);
        var builder = new DataViewSchema.Builder();
        builder.AddColumn("A", TextDataViewType.Instance, annotations.ToAnnotations());
        var data = new ThirdParty.EmptyView(builder.ToSchema());

        var copied = ml.Transforms.CopyColumns("B", "A").Fit(data).Transform(data).Schema["B"];

        var count = 0;
        copied.Annotations.GetValue("Count", ref count);
        Assert.Equal(42, count);
    }
}
