using System.Text;
using System.Text.RegularExpressions;
using Dalle.ML.Interactive;
using Microsoft.ML.Data;

namespace Dalle.ML.Notebooks.Tests;

/// <summary>What values look like in a notebook.</summary>
public sealed class FormatTests
{
    [Fact]
    public void An_image_is_a_PNG_in_the_page_enlarged_by_a_whole_factor()
    {
        using var image = Plain(40, 20);
        var html = Html(image);
        Assert.Contains("width=\"120\" height=\"60\"", html, StringComparison.Ordinal);
        using var read = new ImageReader().Read(Convert.FromBase64String(Regex.Match(html, "base64,([^\"]+)").Groups[1].Value));
        Assert.Equal((40, 20), (read.Width, read.Height));
    }

    [Fact]
    public void A_large_image_keeps_its_size()
    {
        using var image = Plain(300, 200);
        Assert.Contains("width=\"300\" height=\"200\"", Html(image), StringComparison.Ordinal);
    }

    [Fact]
    public void Captions_are_text_not_markup()
    {
        using var image = Plain(8, 8);
        var html = Html(new[] { ("<script>\"", image) });
        Assert.DoesNotContain("<script>", html, StringComparison.Ordinal);
        Assert.Contains("<br>&lt;script&gt;&quot;", html, StringComparison.Ordinal);
    }

    [Fact]
    public void Several_images_are_a_table_of_four_a_row()
    {
        using var image = Plain(8, 8);
        var html = Html(Enumerable.Repeat(image, 6).ToArray());
        Assert.Equal([4, 2], html.Split("<tr>").Skip(1).Select(row => Regex.Count(row, "<img ")));
    }

    [Fact]
    public void A_generated_image_tells_prompt_seed_and_score()
    {
        using var model = DalleModel.LoadDefault();
        using var image = model.Generate("a heart", seed: 7, new GenerationOptions { Candidates = 1 });
        Assert.Matches(@"<br>a heart, seed 7, score \d+\.\d$", Html(image));
        Assert.Matches("<br>a heart, seed 7", Html(new[] { image }));
    }

    [Fact]
    public void A_token_map_is_a_grid_with_dots_where_there_is_no_token()
    {
        var map = new TokenMap([5, -1, 7, 5], 2) { Before = [5, -1, 8, 5] };
        var cells = Regex.Matches(Html(map), "bgcolor=\"([^\"]+)\"><font color=\"black\">(.*?)</font>").Select(match => (Color: match.Groups[1].Value, Text: match.Groups[2].Value)).ToArray();
        Assert.Equal(["5", "·", "<b>7</b>", "5"], cells.Select(cell => cell.Text));
        Assert.Equal(cells[0].Color, cells[3].Color);
        Assert.Equal(3, cells.DistinctBy(cell => cell.Color).Count());
        Assert.Equal("    5     ·\n    7     5", map.ToString());
    }

    [Fact]
    public void A_score_table_marks_the_highest_of_each_row()
    {
        var table = new ScoreTable(["a", "b"], ["x", "y"], [[1, 2], [double.NaN, -3]]);
        var html = Html(table);
        Assert.Contains("<b>2.0</b>", html, StringComparison.Ordinal);
        Assert.Contains("<b>-3.0</b>", html, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>1.0</b>", html, StringComparison.Ordinal);
        Assert.Equal("\tx\ty\na\t1.0\t2.0\nb\tNaN\t-3.0", table.ToString());
    }

    [Fact]
    public void A_curve_is_a_picture_with_its_numbers()
    {
        var curve = new ScoreCurve([(1, 20.5), (64, 26)]) { Across = "candidates", Up = "score" };
        var svg = Encoding.UTF8.GetString(Convert.FromBase64String(Regex.Match(Html(curve), "svg\\+xml;base64,([^\"]+)").Groups[1].Value));
        Assert.All(["20.5", "26", "64", "candidates", "score"], text => Assert.Contains($">{text}</text>", svg, StringComparison.Ordinal));
    }

    [Fact]
    public void A_flat_curve_of_one_point_is_drawn_too() =>
        Assert.DoesNotContain("NaN", Encoding.UTF8.GetString(Convert.FromBase64String(Regex.Match(Html(new ScoreCurve([(4, 2)])), "base64,([^\"]+)").Groups[1].Value)), StringComparison.Ordinal);

    [Fact]
    public void What_cannot_be_shown_is_refused_when_it_is_made()
    {
        Assert.Contains("3 tokens make no rows of 2", Assert.Throws<ArgumentException>(() => new TokenMap([1, 2, 3], 2)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TokenMap([1], 0));
        Assert.Contains("2 tokens cannot be compared with 1", Assert.Throws<ArgumentException>(() => new TokenMap([1, 2], 2) { Before = [1] }).Message, StringComparison.Ordinal);
        Assert.Contains("1 rows of 2", Assert.Throws<ArgumentException>(() => new ScoreTable(["a"], ["x", "y"], [[1]])).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ScoreCurve([]));
        Assert.Throws<ArgumentException>(() => new ScoreCurve([(0, 1)]));
        Assert.Throws<ArgumentException>(() => new ScoreCurve([(1, double.NaN)]));
    }

    /// <summary>As a kernel does it: the format of the most specific type that the value is of.</summary>
    private static string Html(object value) => Notebook.Formats.Single(format => format.Key.IsInstanceOfType(value)).Value(value);

    private static MLImage Plain(int width, int height) => MLImage.CreateFromPixels(width, height, MLPixelFormat.Rgba32, new byte[width * height * 4]);
}
