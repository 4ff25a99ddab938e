using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Ecosystem.Tests;

/// <summary>What ML.NET promises of custom mappings, which loaded components are, and of the cursors that components read from.</summary>
public sealed class CustomMappingTests(Drawings drawings)
{
    private readonly MLContext _ml = new(seed: 1);

    /// <summary>If it were run for each column, a loaded pipeline would generate an image for each.</summary>
    [Fact]
    public void A_mapping_is_run_once_a_row_and_for_its_own_columns_only()
    {
        var runs = 0;
        var data = _ml.Data.LoadFromEnumerable(drawings.Rows);
        var mapping = _ml.Transforms.CustomMapping<Source, Target>(
            (source, target) =>
            {
                Interlocked.Increment(ref runs);
                (target.First, target.Second) = (source.Seed, source.Seed);
            },
            contractName: null);
        var view = mapping.Append(_ml.Transforms.CopyColumns("Copy", "Second")).Fit(data).Transform(data);
        Assert.Equal(drawings.Rows.Select(row => row.Prompt), view.GetColumn<string>("Prompt"));
        Assert.Equal(0, runs);

        var read = _ml.Data.CreateEnumerable<Copied>(view, reuseRowObject: false).Select(row => row.First + row.Second + row.Copy);
        Assert.Equal(drawings.Rows.Select(row => 3 * row.Seed), read);
        Assert.Equal(drawings.Rows.Length, runs);
    }

    /// <summary>Components keep a failing row from those before it by this: a plain cursor reads dozens of rows ahead.</summary>
    [Fact]
    public void A_set_of_one_cursor_is_one_that_reads_no_row_ahead()
    {
        var read = 0;
        var rows = _ml.Data.LoadFromEnumerable(drawings.Rows.Select(row =>
        {
            read++;
            return row;
        }));
        var loaded = drawings.LoadPictures(_ml, rows);
        var pipeline = _ml.Transforms.ResizeImages("Small", 8, 8, "Picture")
            .Append(_ml.Transforms.CustomMapping<Source, Target>((source, target) => target.First = source.Seed, contractName: null));
        var view = pipeline.Fit(loaded).Transform(loaded);

        read = 0;
        using var cursor = Assert.Single(view.GetRowCursorSet([view.Schema["Small"], view.Schema["First"]], n: 1));
        var (image, value) = (default(MLImage)!, 0ul);
        var getImage = cursor.GetGetter<MLImage>(view.Schema["Small"]);
        var getValue = cursor.GetGetter<ulong>(view.Schema["First"]);
        for (var row = 0; row < 3; row++)
        {
            Assert.True(cursor.MoveNext());
            getImage(ref image);
            getValue(ref value);
            Assert.Equal((drawings.Rows[row].Seed, row + 1), (value, read));
        }
        image.Dispose();
    }

    private sealed class Source
    {
        public ulong Seed { get; set; }
    }

    private class Target
    {
        public ulong First { get; set; }

        public ulong Second { get; set; }
    }

    private sealed class Copied : Target
    {
        public ulong Copy { get; set; }
    }
}
