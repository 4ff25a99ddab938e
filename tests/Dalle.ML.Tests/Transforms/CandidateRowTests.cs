using Dalle.ML.PipelineHost;
using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Tests.Transforms;

/// <summary>Candidates as rows: UnrollCandidates and RankCandidates.</summary>
public sealed class CandidateRowTests
{
    private readonly MLContext _ml = new(seed: 1);

    /// <summary>Rows whose scores were read.</summary>
    private int Read { get; set; }

    [Fact]
    public void Rows_without_a_known_number_of_candidates_have_as_many_as_they_have()
    {
        var view = _ml.Data.UnrollCandidates(Vectors([1, 2, 3], [], [4]), inputScoresColumnName: "Scores");
        Assert.Equal([1, 2, 3, 4], view.GetColumn<float>("Score"));
        Assert.Equal([0, 1, 2, 0], view.GetColumn<int>("Candidate"));
        Assert.Equal(["0", "0", "0", "2"], view.GetColumn<string>("Group"));
        Assert.Null(view.GetRowCount());
    }

    [Fact]
    public void Nothing_is_read_before_it_is_asked_for_where_the_number_is_known()
    {
        var data = Counted(_ml.Data.LoadFromEnumerable(Enumerable.Range(0, 50).Select(row => new Vector { Group = $"{row}", Fixed = [row, row + 1] })));
        var view = _ml.Data.UnrollCandidates(data, inputScoresColumnName: "Fixed");
        Assert.Equal(100, view.GetColumn<string>("Group").Count());
        Assert.Equal(100, view.GetColumn<int>("Candidate").Count());
        Assert.Equal(0, Read);

        // Counted at the source: ML.NET's own mappings may read ahead.
        var enumerated = 0;
        var source = Enumerable.Range(0, 50).Select(row =>
        {
            enumerated++;
            return new Vector { Group = $"{row}", Fixed = [row, row + 1] };
        });
        var lazy = _ml.Data.UnrollCandidates(_ml.Data.LoadFromEnumerable(source), inputScoresColumnName: "Fixed");
        Assert.Equal([0f, 1f, 1f], lazy.GetColumn<float>("Score").Take(3));
        Assert.Equal(2, enumerated);
    }

    [Fact]
    public void Images_need_not_be_square_and_missing_ones_stay_missing()
    {
        byte[] pixels = [.. Enumerable.Range(1, 2 * 3 * 4).Select(value => (byte)value), .. new byte[2 * 3 * 4]];
        var data = _ml.Data.LoadFromEnumerable([new Vector { Scores = [2, float.NaN], Pixels = pixels }]);
        UnrollCandidatesOptions options = new() { InputScoresColumnName = "Scores", InputImagesColumnName = "Pixels" };
        Assert.Throws<InvalidOperationException>(() => ColumnText.Of(_ml.Data.UnrollCandidates(data, options), "Image"));
        foreach (var sized in new[] { options with { ImageWidth = 2 }, options with { ImageHeight = 3 }, options with { ImageWidth = 2, ImageHeight = 3 } })
        {
            var images = _ml.Data.UnrollCandidates(data, sized).GetColumn<MLImage>("Image").ToArray();
            Assert.Equal((2, 3), (images[0].Width, images[0].Height));
            Assert.Equal(pixels[..24], images[0].Pixels.ToArray());
            Assert.Null(images[1]);
        }
    }

    [Fact]
    public void Rows_of_a_group_are_ordered_by_score()
    {
        var view = _ml.Data.UnrollCandidates(Vectors([1, 3, 2], [float.NaN, 5], [6, 6]), inputScoresColumnName: "Scores");
        var all = _ml.Data.RankCandidates(view, "Group");
        Assert.Equal([3, 2, 1, 5, float.NaN, 6, 6], all.GetColumn<float>("Score"));
        Assert.Equal([1, 2, 0, 1, 0, 0, 1], all.GetColumn<int>("Candidate"));
        Assert.Equal([0, 1, 2, 0, 1, 0, 1], all.GetColumn<int>("Rank"));
        var best = _ml.Data.RankCandidates(view, "Group", topK: 1, rankColumnName: "Place");
        Assert.Equal(["0", "1", "2"], best.GetColumn<string>("Group"));
        Assert.Equal([3, 5, 6], best.GetColumn<float>("Score"));
        Assert.Equal([[1, 3, 2], [float.NaN, 5], [6, 6]], best.GetColumn<float[]>("Scores"));
    }

    [Fact]
    public void Images_come_with_their_rows_each_read_a_new_one()
    {
        var pixels = Enumerable.Range(1, 3 * 4).Select(value => (byte)value).ToArray();
        var data = _ml.Data.LoadFromEnumerable([new Vector { Scores = [1, 3, 2], Pixels = pixels }]);
        var view = _ml.Data.RankCandidates(_ml.Data.UnrollCandidates(data, "Scores", inputImagesColumnName: "Pixels"), "Group");
        using var cursor = view.GetRowCursor(view.Schema);
        var getter = cursor.GetGetter<MLImage>(view.Schema["Image"]);
        foreach (var candidate in new[] { 1, 2, 0 })
        {
            Assert.True(cursor.MoveNext());
            (MLImage first, MLImage second) = (null!, null!);
            getter(ref first);
            getter(ref second);
            first.Dispose();
            Assert.Equal(pixels[(4 * candidate)..(4 * candidate + 4)], second.Pixels.ToArray());
        }
        Assert.False(cursor.MoveNext());
        Assert.False(cursor.MoveNext());
    }

    [Fact]
    public void Off_a_row_there_are_no_values()
    {
        var pixels = Enumerable.Range(1, 2 * 4).Select(value => (byte)value).ToArray();
        var data = _ml.Data.LoadFromEnumerable([new Vector { Scores = [1, 3], Pixels = pixels }]);
        var unrolled = _ml.Data.UnrollCandidates(data, "Scores", inputImagesColumnName: "Pixels");
        foreach (var view in new[] { unrolled, _ml.Data.RankCandidates(unrolled, "Group") })
        {
            using var cursor = view.GetRowCursor(view.Schema);
            var getters = view.Schema.Select(column => ColumnText.Reader(cursor, column)).ToArray();
            var id = cursor.GetIdGetter();
            AssertOffRow();
            for (var row = 0; row < 2; row++)
            {
                Assert.True(cursor.MoveNext());
                Assert.Equal(row, cursor.Position);
                Assert.All(getters, getter => getter());
                Assert.Equal(new DataViewRowId((ulong)row, 0), Id());
            }
            Assert.False(cursor.MoveNext());
            AssertOffRow();
            Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<double>(view.Schema["Candidate"]));

            void AssertOffRow()
            {
                Assert.Equal(-1, cursor.Position);
                Assert.All(getters, getter => Assert.Throws<InvalidOperationException>(getter));
                Assert.Throws<InvalidOperationException>(() => Id());
            }

            DataViewRowId Id()
            {
                DataViewRowId value = default;
                id(ref value);
                return value;
            }
        }
    }

    [Fact]
    public void Ranked_pictures_survive_a_resizer_that_disposes_the_row_before()
    {
        // They have the size already: ResizeImages gives them on as they are, and disposes each with the next row.
        using var folder = new TemporaryFolder();
        string[] files = ["a.png", "b.png", "c.png"];
        foreach (var (file, shade) in files.Zip(new byte[] { 50, 100, 200 }))
        {
            using var image = MLImage.CreateFromPixels(4, 4, MLPixelFormat.Bgra32, [.. Enumerable.Repeat(shade, 64)]);
            image.Save(Path.Combine(folder.Path, file));
        }
        var data = _ml.Data.LoadFromEnumerable(files.Select((file, row) => new Picture { File = file, Score = row }));
        var pictures = _ml.Transforms.LoadImages("Image", folder.Path, "File").Append(_ml.Transforms.ResizeImages("Image", 4, 4)).Fit(data).Transform(data);
        Assert.Equal(ColumnText.Of(pictures, "Image").Reverse(), ColumnText.Of(_ml.Data.RankCandidates(pictures, "Group"), "Image"));
    }

    [Fact]
    public void Wrong_columns_are_refused_by_name()
    {
        var view = Vectors([1, 2]);
        AssertNames("Nothing", () => _ml.Data.UnrollCandidates(view, "Nothing"));
        AssertNames("Group", () => _ml.Data.UnrollCandidates(view, "Group"));
        AssertNames("Pixels", () => _ml.Data.UnrollCandidates(view, "Scores", inputSeedsColumnName: "Pixels"));
        AssertNames("Scores", () => _ml.Data.RankCandidates(view, "Group", "Scores"));
        AssertNames("Scores", () => _ml.Data.RankCandidates(_ml.Data.UnrollCandidates(view, "Scores"), "Scores"));
        Assert.Throws<ArgumentException>(() => _ml.Data.UnrollCandidates(view, new UnrollCandidatesOptions { InputImagesColumnName = "Pixels" }));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.RankCandidates(_ml.Data.UnrollCandidates(view, "Scores"), "Group", topK: 0));
        using var cursor = _ml.Data.UnrollCandidates(view, "Scores").GetRowCursor([]);
        Assert.Throws<InvalidOperationException>(() => cursor.GetGetter<float>(cursor.Schema["Score"]));

        static void AssertNames(string column, Func<IDataView> create) =>
            Assert.Contains($"'{column}'", Assert.Throws<ArgumentOutOfRangeException>(create).Message, StringComparison.Ordinal);
    }

    private IDataView Vectors(params float[][] scores) =>
        _ml.Data.LoadFromEnumerable(scores.Select((values, row) => new Vector { Group = $"{row}", Scores = values }));

    private IDataView Counted(IDataView data) =>
        _ml.Transforms.CustomMapping<Source, Target>((source, target) => { Read++; target.Fixed = source.Fixed; }, contractName: null).Fit(data).Transform(data);

    private sealed class Vector
    {
        public string Group { get; set; } = "";

        public float[] Scores { get; set; } = [];

        [VectorType(2)]
        public float[] Fixed { get; set; } = [];

        public byte[] Pixels { get; set; } = [];
    }

    private sealed class Picture
    {
        public string Group { get; set; } = "";

        public string File { get; set; } = "";

        public float Score { get; set; }
    }

    private sealed class Source
    {
        [VectorType(2)]
        public float[] Fixed { get; set; } = [];
    }

    private sealed class Target
    {
        [VectorType(2)]
        public float[] Fixed { get; set; } = [];
    }
}
