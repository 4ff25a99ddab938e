using Dalle.ML.Transforms.Rows;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Training.Data;

/// <summary>The images and captions of a data view.</summary>
/// <param name="view">The data.</param>
/// <param name="image">Its column of images.</param>
/// <param name="caption">Its column of text; null if there is none.</param>
internal sealed class DataViewImages(IDataView view, InputColumn image, InputColumn? caption) : IImageSource
{
    public int? Count => (int?)view.GetRowCount();

    /// <summary>A view may give other images each time.</summary>
    public string? Fingerprint => null;

    public IEnumerable<SourceImage> ReadImages(int imageSize)
    {
        var column = image.Find(view.Schema);
        using var cursor = view.GetRowCursor([column]);
        var get = cursor.GetGetter<MLImage>(column);
        MLImage current = null!;
        while (cursor.MoveNext())
        {
            // A row is gone with the next one: its pixels are read now.
            byte[]? pixels = null;
            Exception? failure = null;
            try
            {
                get(ref current);
                pixels = current is null ? throw new InvalidDataException("there is no image.") : SquarePixels.Of(current, imageSize);
            }
            catch (Exception exception) when (RowRunner.IsOfOneRow(exception))
            {
                failure = exception;
            }
            yield return new SourceImage(NameOf(cursor), () => pixels ?? throw new InvalidDataException(failure!.Message, failure));
        }
    }

    public IEnumerable<(string Name, IReadOnlyList<string> Captions)> ReadCaptions()
    {
        var column = caption?.Find(view.Schema);
        using var cursor = view.GetRowCursor(column is { } active ? [active] : []);
        var get = column is { } text ? cursor.GetGetter<ReadOnlyMemory<char>>(text) : null;
        var current = default(ReadOnlyMemory<char>);
        while (cursor.MoveNext())
        {
            get?.Invoke(ref current);
            yield return (NameOf(cursor), get is null ? [] : [current.ToString()]);
        }
    }

    private static string NameOf(DataViewRow row) => FormattableString.Invariant($"row {row.Position}");
}
