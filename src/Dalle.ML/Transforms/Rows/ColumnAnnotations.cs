using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// What a column tells of itself beside its type, under the names that ML.NET's own scorers and vectors use. Third parties can neither
/// promise it, as ML.NET alone makes the columns of a SchemaShape, nor save it, as it loads a mapping's columns by their class.
/// </summary>
internal static class ColumnAnnotations
{
    private const string ScoreColumnKind = "ScoreColumnKind";
    private const string ScoreValueKind = "ScoreValueKind";
    private const string SlotNames = "SlotNames";

    /// <summary>Scores that are good for an order, as those of ML.NET's rankers: neither probabilities nor estimates of a quantity.</summary>
    public static void AddRankingScore(this DataViewSchema.Annotations.Builder builder)
    {
        builder.AddPrimitiveValue(ScoreColumnKind, TextDataViewType.Instance, "Ranking".AsMemory());
        builder.AddPrimitiveValue(ScoreValueKind, TextDataViewType.Instance, "Score".AsMemory());
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

    /// <summary>What holds for each item of a vector too.</summary>
    public static DataViewSchema.Annotations OfItems(DataViewSchema.Column vector)
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.Add(vector.Annotations, name => name is ScoreColumnKind or ScoreValueKind);
        return builder.ToAnnotations();
    }
}
