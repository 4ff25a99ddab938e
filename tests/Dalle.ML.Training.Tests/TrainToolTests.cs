using System.Text.Json;
using Dalle.ML.Tests;
using Dalle.ML.Training.Host;

namespace Dalle.ML.Training.Tests;

/// <summary>The program behind <c>dalle train</c>.</summary>
public sealed class TrainToolTests : IDisposable
{
    private static readonly string[] Quick = ["--size", "tiny", "--dvae-epochs", "1", "--transformer-epochs", "1", "--clip-epochs", "1", "--threads", "1"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_folder_of_captioned_images_becomes_a_model()
    {
        TorchSupport.Require();
        ShapeData.Write(In("photos"), 40);

        var (exitCode, output, errors) = await RunAsync(["photos", "-o", "run", "--samples-every", "0", .. Quick]);

        Assert.Equal(0, exitCode);
        Assert.Equal(In("run/model"), output.Trim());
        Assert.Contains("1 discrete VAE: epoch 1", errors, StringComparison.Ordinal);
        Assert.Contains("3 CLIP: epoch 1", errors, StringComparison.Ordinal);
        Assert.Matches("try it: dalle generate -m .*model \"a (red|green|blue|yellow) (circle|square|triangle)\"", errors);
        Assert.NotEmpty(Directory.GetFiles(In("run/samples"), "transformer-*.png"));
        using var sheet = new ImageReader().Read(Directory.GetFiles(In("run/samples"), "dvae-*.png")[0]);
        Assert.True(sheet.Width >= 256);
        using var model = DalleModel.Load(In("run/model"));
        Assert.Equal("my-dalle", model.Info.Name);
    }

    [Fact]
    public async Task Interrupted_it_saves_and_the_same_command_goes_on()
    {
        TorchSupport.Require();
        ShapeData.Write(In("photos"), 40);
        string[] arguments = ["photos", "-o", "run", "--json", .. Quick];
        using (var source = new CancellationTokenSource())
        {
            await source.CancelAsync();
            var (early, nothing, reason) = await RunAsync(arguments, source.Token);
            Assert.Equal((130, ""), (early, nothing));
            Assert.Contains("Start it again to go on", reason, StringComparison.Ordinal);
        }

        var (exitCode, output, _) = await RunAsync([.. arguments, "-q"]);

        Assert.Equal(0, exitCode);
        var json = JsonDocument.Parse(output).RootElement;
        Assert.True(json.GetProperty("isFinished").GetBoolean());
        Assert.Equal(In("run/model"), json.GetProperty("bundle").GetString());
    }

    [Theory]
    [InlineData(1, "nowhere' does not exist", "nowhere", "-o", "run")]
    [InlineData(1, "has no images", "empty", "-o", "run")]
    [InlineData(1, "No image has a caption", "bare", "-o", "run")]
    [InlineData(1, "line 1: there is no column 'path'", "list.csv", "-o", "run")]
    [InlineData(1, "is not in the folder of the images", "outside.csv", "-o", "run")]
    [InlineData(1, "1 of 1 images cannot be read", "broken", "-o", "run")]
    [InlineData(1, "has no config.json", "bare", "-o", "run", "--start-from", "empty")]
    [InlineData(1, "'dalle.json' is not a bundle's manifest", "bare", "-o", "run", "--start-from", "bundle")]
    [InlineData(2, "cannot start from its own 'model'", "bare", "-o", "run", "--start-from", "run/model")]
    [InlineData(2, "FreezeDiscreteVae keeps the discrete VAE of another model", "bare", "-o", "run", "--freeze-dvae")]
    [InlineData(2, "ImageSize must be a multiple of 8", "bare", "-o", "run", "--image-size", "30")]
    [InlineData(2, "--hours must be a number from 0.001 to 10000", "bare", "-o", "run", "--hours", "0,5")]
    [InlineData(2, "--device must be cpu, cuda or cuda:N", "bare", "-o", "run", "--device", "tpu")]
    [InlineData(2, "--size must be tiny, small or medium", "bare", "-o", "run", "--size", "huge")]
    [InlineData(2, "--output", "bare")]
    [InlineData(2, "", "-o", "run")]
    public async Task Wrong_input_is_told_and_nothing_is_trained(int exitCode, string message, params string[] arguments)
    {
        TorchSupport.Require();
        Directory.CreateDirectory(In("empty"));
        Photos.Write(In("bare/1.png"), 8, 8, SkiaSharp.SKColors.Red);
        Directory.CreateDirectory(In("broken"));
        File.WriteAllText(In("broken/1.png"), "no image");
        Directory.CreateDirectory(In("bundle"));
        File.WriteAllText(In("bundle/dalle.json"), "{}");
        File.WriteAllText(In("list.csv"), "name,caption\n");
        File.WriteAllText(In("outside.csv"), "path,caption\n../1.png,a cat\n");

        var (actual, output, errors) = await RunAsync(arguments);

        Assert.Equal((exitCode, ""), (actual, output));
        Assert.Contains(message, errors, StringComparison.Ordinal);
        Assert.All(errors.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("dalle: ", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Help_is_that_of_the_command()
    {
        var (exitCode, output, _) = await RunAsync(["--help"]);
        Assert.Equal(0, exitCode);
        Assert.Contains("--transformer-epochs", output, StringComparison.Ordinal);
    }

    private string In(string path) => Path.Combine(_folder.Path, path.Replace('/', Path.DirectorySeparatorChar));

    /// <summary>Runs the program; paths among its arguments are those of the test's folder.</summary>
    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(string[] arguments, CancellationToken interrupted = default)
    {
        var (output, errors) = (new StringWriter { NewLine = "\n" }, new StringWriter { NewLine = "\n" });
        string[] names = ["photos", "run", "nowhere", "empty", "bare", "broken", "bundle", "list.csv", "outside.csv", "run/model"];
        var exitCode = await TrainTool.RunAsync(
            [.. arguments.Select(argument => names.Contains(argument) ? In(argument) : argument)],
            new TrainConsole { Output = output, Error = TextWriter.Synchronized(errors), Interrupted = interrupted });
        return (exitCode, output.ToString(), errors.ToString());
    }
}
