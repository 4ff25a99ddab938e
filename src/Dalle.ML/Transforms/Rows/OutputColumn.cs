using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>A column that a component makes.</summary>
/// <param name="Name">The column's name; null if it is not requested.</param>
/// <param name="Field">What it is of.</param>
/// <param name="Dimensions">Those of a vector, which may depend on the model; null if its length differs from row to row.</param>
internal sealed record OutputColumn(string? Name, ResultField Field, Func<DalleModelInfo, int[]>? Dimensions = null)
{
    public bool IsFixedSize => Dimensions is not null;

    public DataViewType Type(DalleModelInfo model) => IsFixedSize ? VectorShape.TypeOf(Item, Dimensions!(model)) : Field.Type;

    public DataViewSchema.Annotations Annotations(DalleModelInfo model)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        if (Field.IsScore)
            builder.AddRankingScore();
        if (HasCandidateSlots)
            builder.AddCandidateSlots(Length(model));
        return builder.ToAnnotations();
    }

    public int Length(DalleModelInfo model) => IsFixedSize ? VectorShape.TypeOf(Item, Dimensions!(model)).Size : 0;

    /// <summary>Gives a mapping's column what is known without the model: whether it has a fixed size, and which annotations.</summary>
    public void Describe(SchemaDefinition.Column column)
    {
        if (IsFixedSize)
            column.ColumnType = new VectorDataViewType(Item, 1);
        if (Field.IsScore)
            column.AddRankingScore();
        if (HasCandidateSlots)
            column.AddCandidateSlots();
    }

    private bool HasCandidateSlots => Field.IsOfCandidates && IsFixedSize;

    private PrimitiveDataViewType Item => ((VectorDataViewType)Field.Type).ItemType;
}
