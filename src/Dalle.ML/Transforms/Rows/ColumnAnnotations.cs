using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// Annotations of columns, with the kinds that ML.NET's own scorers and vectors use. There are two forms of each: for a schema, with its
/// values, and for the definition that a schema's shape is borrowed from, which has kinds and types only.
/// </summary>
internal static class ColumnAnnotations
{
    private const string ScoreColumnKind = "ScoreColumnKind";
    private const string ScoreValueKind = "ScoreValueKind";
    private const string SlotNames = "SlotNames";

    /// <summary>Scores for ordering, like those of ML.NET's rankers: neither probabilities nor estimates of a quantity.</summary>
    public static void AddRankingScore(this DataViewSchema.Annotations.Builder builder)
    {
        builder.AddPrimitiveValue(ScoreColumnKind, TextDataViewType.Instance, "Ranking".AsMemory());
        builder.AddPrimitiveValue(ScoreValueKind, TextDataViewType.Instance, "Score".AsMemory());
    }

    /// <summary>As <see cref="AddRankingScore(DataViewSchema.Annotations.Builder)"/>, for a shape.</summary>
    public static void AddRankingScore(this SchemaDefinition.Column column)
    {
        column.AddAnnotation(ScoreColumnKind, "Ranking".AsMemory(), TextDataViewType.Instance);
        column.AddAnnotation(ScoreValueKind, "Score".AsMemory(), TextDataViewType.Instance);
    }

    /// <summary>A vector's items are named as the rows are numbered that UnrollCandidates makes of them.</summary>
    public static void AddCandidateSlots(this DataViewSchema.Annotations.Builder builder, int candidates)
    {
        ReadOnlyMemory<char>[] names = [.. Enumerable.Range(0, candidates).Select(candidate => $"Candidate {candidate}".AsMemory())];
        builder.Add(SlotNames, new VectorDataViewType(TextDataViewType.Instance, candidates), (ref VBuffer<ReadOnlyMemory<char>> value) =>
        {
            var editor = VBufferEditor.Create(ref value, names.Length);
            names.CopyTo(editor.Values);
            value = editor.Commit();
        });
    }

    /// <summary>As <see cref="AddCandidateSlots(DataViewSchema.Annotations.Builder, int)"/>, for a shape.</summary>
    public static void AddCandidateSlots(this SchemaDefinition.Column column) =>
        column.AddAnnotation(SlotNames, default(VBuffer<ReadOnlyMemory<char>>), new VectorDataViewType(TextDataViewType.Instance, 1));

    /// <summary>Annotations that also apply to each item of a vector.</summary>
    public static DataViewSchema.Annotations OfItems(DataViewSchema.Column vector)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.Add(vector.Annotations, name => name is ScoreColumnKind or ScoreValueKind);
        return builder.ToAnnotations();
    }
}
