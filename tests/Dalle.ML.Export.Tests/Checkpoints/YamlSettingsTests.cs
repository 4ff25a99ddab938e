using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Tests.Checkpoints;

public sealed class YamlSettingsTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Values_are_found_by_their_paths()
    {
        var settings = Read("""
            # a comment
            dataset: {size: 64, "name": 'x: y'}
            stage1:
              ch_mult:
              - 1
              - {a: 2}
              hparams: &shared
                heads: 4
                "on": true
              empty:
              other: *shared
            last: 7
            """);
        Assert.Equal("dataset.name=x: y|dataset.size=64|last=7|stage1.empty=|stage1.hparams.heads=4|stage1.hparams.on=true",
            string.Join('|', settings.OrderBy(setting => setting.Key, StringComparer.Ordinal).Select(setting => $"{setting.Key}={setting.Value}")));
    }

    [Theory]
    [InlineData("a: [1")]
    [InlineData("a: *nothing\n\tb: {")]
    [InlineData("\"")]
    public void What_is_not_yaml_is_refused(string text) =>
        Assert.Contains(_path, Assert.Throws<InvalidDataException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("[")]
    [InlineData("a: {")]
    [InlineData("- ")]
    [InlineData("? ")]
    public void Deep_nesting_is_refused(string opening)
    {
        var error = Assert.Throws<InvalidDataException>(() => Read(string.Concat(Enumerable.Repeat(opening, 10_000))));
        Assert.Contains("deep", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_huge_file_is_refused() => Assert.Throws<InvalidDataException>(() => Read(new string('#', 2 << 20)));

    private IReadOnlyDictionary<string, string> Read(string text)
    {
        File.WriteAllText(_path, text);
        return YamlSettings.Read(_path);
    }
}
