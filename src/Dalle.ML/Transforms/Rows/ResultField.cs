using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Rows;

/// <summary>A member of <see cref="RowResult"/>: which columns it fills and how.</summary>
/// <param name="Source">The column of a saved pipeline that has it.</param>
/// <param name="Type">The type of its columns; vectors may have any length.</param>
/// <param name="Getter">Makes a <see cref="ValueGetter{TValue}"/> of the current result.</param>
/// <param name="SetMissing">Fills a vector of a given length with missing values.</param>
internal sealed record ResultField(string Source, DataViewType Type, Func<Func<RowResult>, Delegate> Getter, Action<RowResult, int> SetMissing)
{
    public static readonly ResultField Image = Of(
        nameof(RowResult.Image), new ImageDataViewType(), (ref MLImage? value, RowResult result) => value = result.Image);

    public static readonly ResultField Text = Of(
        nameof(RowResult.Text), TextDataViewType.Instance, (ref ReadOnlyMemory<char> value, RowResult result) => value = result.Text.AsMemory());

    public static readonly ResultField Seed = Of(
        nameof(RowResult.Seed), NumberDataViewType.UInt64, (ref ulong value, RowResult result) => value = result.Seed);

    public static readonly ResultField Score = Of(
        nameof(RowResult.Score), NumberDataViewType.Single, (ref float value, RowResult result) => value = result.Score, isScore: true);

    public static readonly ResultField Perplexity = Of(
        nameof(RowResult.Perplexity), NumberDataViewType.Single, (ref float value, RowResult result) => value = result.Perplexity);

    public static readonly ResultField Error = Of(
        nameof(RowResult.Error), TextDataViewType.Instance, (ref ReadOnlyMemory<char> value, RowResult result) => value = result.Error.AsMemory());

    public static readonly ResultField Tokens = OfVector(
        nameof(RowResult.Tokens), NumberDataViewType.Int32,
        result => result.Tokens, (result, values) => result.Tokens = values, missing: -1);

    public static readonly ResultField Embedding = OfVector(
        nameof(RowResult.Embedding), NumberDataViewType.Single,
        result => result.Embedding, (result, values) => result.Embedding = values, float.NaN);

    public static readonly ResultField Logits = OfVector(
        nameof(RowResult.Logits), NumberDataViewType.Single,
        result => result.Logits, (result, values) => result.Logits = values, float.NaN);

    public static readonly ResultField Order = OfVector(
        nameof(RowResult.Order), NumberDataViewType.Int32,
        result => result.Order, (result, values) => result.Order = values, missing: -1);

    public static readonly ResultField CandidateTokens = OfVector(
        nameof(RowResult.CandidateTokens), NumberDataViewType.Int32,
        result => result.CandidateTokens, (result, values) => result.CandidateTokens = values, missing: -1);

    public static readonly ResultField CandidateScores = OfVector(
        nameof(RowResult.CandidateScores), NumberDataViewType.Single,
        result => result.CandidateScores, (result, values) => result.CandidateScores = values, float.NaN, isScore: true, isOfCandidates: true);

    public static readonly ResultField CandidatePerplexities = OfVector(
        nameof(RowResult.CandidatePerplexities), NumberDataViewType.Single,
        result => result.CandidatePerplexities, (result, values) => result.CandidatePerplexities = values, float.NaN, isOfCandidates: true);

    public static readonly ResultField CandidateSeeds = OfVector(
        nameof(RowResult.CandidateSeeds), NumberDataViewType.UInt64,
        result => result.CandidateSeeds, (result, values) => result.CandidateSeeds = values, missing: 0ul, isOfCandidates: true);

    public static readonly ResultField CandidateImages = OfVector(
        nameof(RowResult.CandidateImages), NumberDataViewType.Byte,
        result => result.CandidateImages, (result, values) => result.CandidateImages = values, missing: (byte)0);

    /// <summary>Whether it measures how well images fit a text.</summary>
    public bool IsScore { get; private init; }

    /// <summary>Whether it has one value per candidate.</summary>
    public bool IsOfCandidates { get; private init; }

    /// <summary>Reads a value from a result, as ML.NET's getters do.</summary>
    private delegate void ValueOf<T>(ref T value, RowResult result);

    private static ResultField Of<T>(string name, DataViewType type, ValueOf<T> value, bool isScore = false) =>
        new(RowResult.Prefix + name, type, GetterOf(value), (_, _) => { }) { IsScore = isScore };

    private static Func<Func<RowResult>, Delegate> GetterOf<T>(ValueOf<T> read) =>
        current => (ValueGetter<T>)((ref T value) => read(ref value, current()));

    private static ResultField OfVector<T>(
        string name, PrimitiveDataViewType item, Func<RowResult, T[]> get, Action<RowResult, T[]> set, T missing,
        bool isScore = false, bool isOfCandidates = false)
    {
        return new(RowResult.Prefix + name, new VectorDataViewType(item), GetterOf<VBuffer<T>>(Read), SetMissing)
        {
            IsScore = isScore,
            IsOfCandidates = isOfCandidates,
        };

        void Read(ref VBuffer<T> value, RowResult result)
        {
            var values = get(result);
            var editor = VBufferEditor.Create(ref value, values.Length);
            values.CopyTo(editor.Values);
            value = editor.Commit();
        }

        void SetMissing(RowResult result, int length)
        {
            var values = new T[length];
            Array.Fill(values, missing);
            set(result, values);
        }
    }
}
