using System.IO.Compression;
using Microsoft.ML;

namespace Standins.Tests.Core;

/// <summary>What the stand-in says clearly where the real package can do more, or says otherwise.</summary>
public class StandinPromiseTests
{
    private readonly MLContext _ml = new();

    public StandinPromiseTests() => Assert.SkipUnless(
        typeof(DataViewSchema).Assembly.GetName().Name == "Microsoft.ML",
        "The real package splits its assemblies otherwise and has errors of its own.");

    [Theory]
    [InlineData("x => x + 1")]
    [InlineData("x => \"a\" + \"b\"")]
    [InlineData("x => \"with \\\"escapes\\\"\"")]
    public void An_expression_that_is_not_understood_is_named(string expression)
    {
        var exception = Assert.Throws<NotSupportedException>(() => _ml.Transforms.Expression("Out", expression, "Text"));
        Assert.Contains(expression, exception.Message);
    }

    [Fact]
    public void A_file_that_is_not_a_model_is_a_format_error()
    {
        using var noise = new MemoryStream([.. Enumerable.Range(0, 5000).Select(i => (byte)(i * 7))]);
        Assert.Throws<FormatException>(() => _ml.Model.Load(noise, out _));

        using var foreign = new MemoryStream();
        using (var archive = new ZipArchive(foreign, ZipArchiveMode.Create, leaveOpen: true))
            archive.CreateEntry("readme.txt");
        foreign.Position = 0;
        Assert.Throws<FormatException>(() => _ml.Model.Load(foreign, out _));
    }

    [Fact]
    public void A_model_with_any_byte_changed_loads_or_says_why_not()
    {
        var data = Samples.View(_ml);
        using var stream = new MemoryStream();
        _ml.Model.Save(_ml.Transforms.CopyColumns("Copy", "Text").Append(_ml.Transforms.DropColumns("Text")).Fit(data), data.Schema, stream);
        var model = stream.ToArray();

        for (var at = 0; at < model.Length; at++)
        {
            var changed = (byte[])model.Clone();
            changed[at] ^= 0xff;
            using var copy = new MemoryStream(changed);
            Assert.True(Record.Exception(() => _ml.Model.Load(copy, out _)) is null or FormatException, $"byte {at}");
        }
    }
}
