using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace Dalle.ML.Transforms.Candidates;

/// <summary>A view with a row for each candidate of each row of another: its columns, then those of the candidate.</summary>
internal sealed class UnrolledDataView : IDataView
{
    private readonly IDataView _input;
    private readonly UnrollCandidatesOptions _options;

    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public UnrolledDataView(IDataView input, UnrollCandidatesOptions options)
    {
        (_input, _options) = (input, options);
        var scores = Find(options.InputScoresColumnName, nameof(options.InputScoresColumnName), NumberDataViewType.Single);
        var seeds = Find(options.InputSeedsColumnName, nameof(options.InputSeedsColumnName), NumberDataViewType.UInt64);
        var tokens = Find(options.InputTokensColumnName, nameof(options.InputTokensColumnName), NumberDataViewType.Int32);
        var images = Find(options.InputImagesColumnName, nameof(options.InputImagesColumnName), NumberDataViewType.Byte);
        Counted = scores ?? seeds ?? throw new ArgumentException(
            "How many candidates there are is told by their scores or seeds: give InputScoresColumnName or InputSeedsColumnName.", nameof(options));

        Columns.Add(UnrolledColumn.Number(options.CandidateColumnName));
        if (scores is { } ofScores)
            Columns.Add(UnrolledColumn.Item<float>(options.ScoreColumnName, ofScores));
        if (seeds is { } ofSeeds)
            Columns.Add(UnrolledColumn.Item<ulong>(options.SeedColumnName, ofSeeds));
        if (tokens is { } ofTokens)
        {
            Columns.Add(UnrolledColumn.Slice(
                options.TokensColumnName, TypeOfSlice(ofTokens), ofTokens, (int[] tokens) => new VBuffer<int>(tokens.Length, tokens)));
        }
        if (images is { } ofImages)
        {
            new MLImageTypeAttribute().Register();
            Columns.Add(UnrolledColumn.Slice<byte, MLImage?>(options.ImageColumnName, new ImageDataViewType(), ofImages, ToImage));
        }

        var schema = new DataViewSchema.Builder();
        schema.AddColumns(input.Schema);
        foreach (var column in Columns)
            schema.AddColumn(column.Name, column.Type, column.Annotations);
        Schema = schema.ToSchema();
    }

    public DataViewSchema Schema { get; }

    /// <summary>The columns of the candidates, which follow those of the input.</summary>
    public List<UnrolledColumn> Columns { get; } = [];

    /// <summary>The vector that has one value per candidate.</summary>
    public DataViewSchema.Column Counted { get; }

    /// <summary>The candidates of every row; 0 where that differs from row to row.</summary>
    public int KnownCount => ((VectorDataViewType)Counted.Type).Size;

    // A row is known by its number, which must not depend on the order.
    public bool CanShuffle => false;

    public long? GetRowCount() => KnownCount > 0 ? _input.GetRowCount() * KnownCount : null;

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new UnrolledCursor(_input, this, [.. columnsNeeded]);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    private DataViewSchema.Column? Find(string? name, string option, PrimitiveDataViewType item)
    {
        if (name is null)
            return null;
        var column = _input.Schema.GetColumnOrNull(name) ?? throw new ArgumentOutOfRangeException(option, $"There is no column '{name}'.");
        return column.Type is VectorDataViewType vector && vector.ItemType.Equals(item)
            ? column
            : throw new ArgumentOutOfRangeException(option, $"Column '{name}' holds {column.Type}; a vector of {item} is expected.");
    }

    private VectorDataViewType TypeOfSlice(DataViewSchema.Column column)
    {
        var type = (VectorDataViewType)column.Type;
        return new VectorDataViewType(type.ItemType, KnownCount > 0 && type.Size % KnownCount == 0 ? type.Size / KnownCount : 0);
    }

    private MLImage? ToImage(byte[] pixels)
    {
        if (!pixels.AsSpan().ContainsAnyExcept((byte)0))
            return null;
        var area = pixels.Length / 4;
        var side = (int)Math.Sqrt(area);
        var width = _options.ImageWidth ?? (_options.ImageHeight is { } givenHeight ? area / givenHeight : side);
        var height = _options.ImageHeight ?? (_options.ImageWidth is { } givenWidth ? area / givenWidth : side);
        return width * height * 4 == pixels.Length
            ? MLImage.CreateFromPixels(width, height, MLPixelFormat.Bgra32, pixels)
            : throw new InvalidOperationException($"{pixels.Length} bytes are not an image of {width} × {height} pixels of 4 bytes. Set ImageWidth and ImageHeight.");
    }
}
