using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// The result of a component for one row. As in <see cref="Row"/>, the column names are those inside a saved pipeline; each component fills
/// the members that it has columns for. Disposing it disposes its image.
/// </summary>
internal sealed class RowResult : IDisposable
{
    internal const string Prefix = Row.Prefix + "Result.";

    private MLImage? _image;

    internal static IEnumerable<string> Columns => typeof(RowResult).GetProperties().Select(member => Prefix + member.Name);

    /// <summary>Each read returns a copy, which the reader may keep or dispose.</summary>
    [ColumnName(Prefix + nameof(Image)), MLImageType]
    public MLImage? Image
    {
        get => _image?.Copy();
        set
        {
            _image?.Dispose();
            _image = value;
        }
    }

    [ColumnName(Prefix + nameof(Text))]
    public string Text { get; set; } = "";

    [ColumnName(Prefix + nameof(Seed))]
    public ulong Seed { get; set; }

    [ColumnName(Prefix + nameof(Tokens)), VectorType]
    public int[] Tokens { get; set; } = [];

    [ColumnName(Prefix + nameof(Score))]
    public float Score { get; set; } = float.NaN;

    [ColumnName(Prefix + nameof(Perplexity))]
    public float Perplexity { get; set; } = float.NaN;

    [ColumnName(Prefix + nameof(Embedding)), VectorType]
    public float[] Embedding { get; set; } = [];

    /// <summary>Of the classes of a network that judges images.</summary>
    [ColumnName(Prefix + nameof(Logits)), VectorType]
    public float[] Logits { get; set; } = [];

    /// <summary>The indices of the candidates among the input candidates.</summary>
    [ColumnName(Prefix + nameof(Order)), VectorType]
    public int[] Order { get; set; } = [];

    /// <summary>The tokens of all candidates, concatenated.</summary>
    [ColumnName(Prefix + nameof(CandidateTokens)), VectorType]
    public int[] CandidateTokens { get; set; } = [];

    [ColumnName(Prefix + nameof(CandidateScores)), VectorType]
    public float[] CandidateScores { get; set; } = [];

    [ColumnName(Prefix + nameof(CandidatePerplexities)), VectorType]
    public float[] CandidatePerplexities { get; set; } = [];

    [ColumnName(Prefix + nameof(CandidateSeeds)), VectorType]
    public ulong[] CandidateSeeds { get; set; } = [];

    /// <summary>The pixels of all candidates, concatenated, see <see cref="MLPixelFormat.Bgra32"/>.</summary>
    [ColumnName(Prefix + nameof(CandidateImages)), VectorType]
    public byte[] CandidateImages { get; set; } = [];

    /// <summary>Why there is no result; empty where there is one.</summary>
    [ColumnName(Prefix + nameof(Error))]
    public string Error { get; set; } = "";

    /// <summary>Moves all values from another result, including its image.</summary>
    public void Take(RowResult other)
    {
        Image = other._image;
        other._image = null;
        (Text, Seed, Tokens, Score, Order) = (other.Text, other.Seed, other.Tokens, other.Score, other.Order);
        (Embedding, Logits) = (other.Embedding, other.Logits);
        (Perplexity, CandidatePerplexities) = (other.Perplexity, other.CandidatePerplexities);
        (CandidateTokens, CandidateScores) = (other.CandidateTokens, other.CandidateScores);
        (CandidateSeeds, CandidateImages) = (other.CandidateSeeds, other.CandidateImages);
        Error = other.Error;
    }

    public void Dispose() => Image = null;
}
