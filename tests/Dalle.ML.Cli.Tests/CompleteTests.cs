using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

public sealed class CompleteTests : IDisposable
{
    private const string Prompt = "a red apple on a green background";

    private readonly TemporaryFolder _folder = new();
    private readonly string _apple;

    public CompleteTests() => _apple = Pictures.Generate(_folder, "a red apple on a blue background", "apple.png");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("top:4")]
    [InlineData("up:1,left:2")]
    [InlineData("rect:4x4")]
    public async Task Generates_what_the_library_generates(string keep)
    {
        var run = await Run("complete", "apple.png", Prompt, "--keep", keep, "--seed", "3", "--candidates", "1", "-n", "2", "--json");
        Assert.Equal((0, ""), (run.ExitCode, run.Errors));
        using var model = DalleModel.LoadDefault();
        using var image = MLImage.CreateFromFile(_apple);
        Assert.Equal(2, run.Json.Length);
        foreach (var report in run.Json)
        {
            using var expected = model.Complete(Prompt, image, KeepRegion.Parse(keep), report.GetProperty("seed").GetUInt64(), new GenerationOptions { Candidates = 1 });
            using var generated = MLImage.CreateFromFile(report.GetProperty("file").GetString()!);
            Assert.Equal(expected.Image.GetBGRPixels, generated.GetBGRPixels);
        }
    }

    [Fact]
    public async Task Works_between_pipes()
    {
        string[] arguments = [Prompt, "--keep", "top:4", "--seed", "3", "--candidates", "1"];
        var file = await Run(["complete", "apple.png", .. arguments]);
        var piped = await Tool.RunAsync(_folder.Path, ["complete", "-", .. arguments, "-o", "-"], File.ReadAllBytes(_apple));
        Assert.Equal("", piped.Errors);
        Assert.Equal(File.ReadAllBytes(file.Output[0]), piped.Bytes);
    }

    [Theory]
    [InlineData(2, "--keep must be top:R", "apple.png", "--keep", "bottom:1")]
    [InlineData(2, "--keep top:17: The region does not fit", "apple.png", "--keep", "top:17")]
    [InlineData(2, "--keep top:16: The region keeps the whole grid", "apple.png", "--keep", "top:16")]
    [InlineData(2, "--keep", "apple.png")]
    [InlineData(1, "'none.png' does not exist", "none.png", "--keep", "top:1")]
    public async Task Errors_name_the_region_or_the_image(int exitCode, string message, string image, params string[] options)
    {
        var run = await Run(["complete", image, Prompt, "--seed", "1", .. options]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["apple.png"], Directory.GetFiles(_folder.Path).Select(Path.GetFileName));
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);
}
