using Microsoft.ML.Data;

namespace Dalle.ML.Transforms.Rows;

/// <summary>
/// What a component reads of one row, whichever columns it comes from. The column names are those inside a saved pipeline, see
/// <see cref="Saving.SavedComponent"/>. Objects are reused for later rows. Disposing one disposes its images.
/// </summary>
internal sealed class Row : IDisposable
{
    internal const string Prefix = "Dalle.ML.";

    internal static IEnumerable<string> Columns => typeof(Row).GetProperties().Select(member => Prefix + member.Name);

    [ColumnName(Prefix + nameof(Text))]
    public string Text { get; set; } = "";

    [ColumnName(Prefix + nameof(Image)), MLImageType]
    public MLImage? Image { get; set; }

    /// <summary>The text at the other end, for components that go from one to another.</summary>
    [ColumnName(Prefix + nameof(SecondText))]
    public string SecondText { get; set; } = "";

    /// <summary>The mask, or the image at the other end.</summary>
    [ColumnName(Prefix + nameof(SecondImage)), MLImageType]
    public MLImage? SecondImage { get; set; }

    [ColumnName(Prefix + nameof(Fraction))]
    public float Fraction { get; set; }

    [ColumnName(Prefix + nameof(ImageEmbedding)), VectorType]
    public float[] ImageEmbedding { get; set; } = [];

    [ColumnName(Prefix + nameof(Seed))]
    public ulong Seed { get; set; }

    [ColumnName(Prefix + nameof(PromptTokens)), VectorType]
    public int[] PromptTokens { get; set; } = [];

    [ColumnName(Prefix + nameof(ImageTokens)), VectorType]
    public int[] ImageTokens { get; set; } = [];

    /// <summary>Pixels of one image or of several, four bytes each.</summary>
    [ColumnName(Prefix + nameof(Pixels)), VectorType]
    public byte[] Pixels { get; set; } = [];

    [ColumnName(Prefix + nameof(SecondPixels)), VectorType]
    public byte[] SecondPixels { get; set; } = [];

    /// <summary>In a saved pipeline, which component it is and what its options are.</summary>
    [ColumnName(Prefix + nameof(Component))]
    public string Component { get; set; } = "";

    /// <summary>The row's number, if it has one, for messages.</summary>
    internal long? Position { get; set; }

    /// <summary>Why it could not be read; null if it could.</summary>
    internal Exception? ReadFailure { get; set; }

    public void Dispose()
    {
        Image?.Dispose();
        SecondImage?.Dispose();
        Image = SecondImage = null;
    }
}
