namespace Dalle.ML.Cli.Tests;

/// <summary><c>export</c>, by way of the small model that has random weights.</summary>
public sealed class ExportTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_bundle_is_written_that_verifies_and_generates()
    {
        var export = await Run("export", "dalle", "--random", "--size", "tiny", "-o", "tiny", "--name", "a \"tiny\" one");
        Assert.Equal((0, "", In("tiny")), (export.ExitCode, export.Errors, export.Output.Single()));
        Assert.Equal(0, (await Run("verify", "tiny")).ExitCode);
        Assert.Equal("a \"tiny\" one", (await Run("info", "tiny", "--json")).Json.Single().GetProperty("name").GetString());
        Assert.Equal(0, (await Run("generate", "a cat", "-m", "tiny", "--candidates", "1", "--seed", "1", "-q")).ExitCode);

        // The same again gives the same bytes.
        var again = await Run("export", "dalle", "--random", "--size", "tiny", "-o", "again", "--name", "a \"tiny\" one", "--json");
        Assert.Equal(In("again"), again.Json.Single().GetProperty("bundle").GetString());
        Assert.Equal(Files("tiny"), Files("again"));
    }

    [Theory]
    [InlineData(2, "Give the checkpoint", "dalle")]
    [InlineData(2, "needs --size", "dalle", "--random")]
    [InlineData(2, "no size 'huge'", "dalle", "--random", "--size", "huge")]
    [InlineData(2, "no setting 'colour'", "dalle", "--random", "--size", "tiny", "--set", "colour=red")]
    [InlineData(2, "'colour' is not valid", "dalle", "--random", "--size", "tiny", "--set", "colour")]
    [InlineData(2, "'fp12' is not a precision", "dalle", "--random", "--size", "tiny", "--precision", "fp12")]
    [InlineData(2, "'crayon' not recognized", "crayon", "checkpoint")]
    [InlineData(1, "'no-such-checkpoint' does not exist", "dalle", "no-such-checkpoint")]
    [InlineData(1, "'no-such-bundle' cannot be used", "dalle", "--random", "--size", "tiny", "--clip", "no-such-bundle")]
    public async Task What_cannot_be_exported_is_named_and_nothing_is_written(int exitCode, string message, params string[] arguments)
    {
        var run = await Run(["export", .. arguments, "-o", "out"]);
        Assert.Equal((exitCode, 0), (run.ExitCode, run.Bytes.Length));
        Assert.Contains(message, run.Errors.Replace(_folder.Path + Path.DirectorySeparatorChar, "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Errors, StringComparison.Ordinal);
        Assert.False(Directory.Exists(In("out")));
    }

    private Dictionary<string, string> Files(string folder) =>
        Directory.GetFiles(In(folder)).ToDictionary(path => Path.GetFileName(path)!, path => Convert.ToHexString(File.ReadAllBytes(path)));

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    private string In(string name) => Path.Combine(_folder.Path, name);
}
