using Dalle.ML.Transforms;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

/// <summary>The tool's images of DALL·E 2 models are the library's, byte for byte.</summary>
public sealed class DiffusionImagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public DiffusionImagesTests() => Pictures.Generate(_folder, "a red apple", "apple.png");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("karlo")]
    [InlineData("dalle2-pytorch")]
    public async Task Each_command_writes_what_the_library_makes(string family)
    {
        await Run("export", family, "--random", "--size", "tiny", "-o", "model");
        using var model = DalleModel.Load(Path.Combine(_folder.Path, "model"));
        using var apple = MLImage.CreateFromFile(Path.Combine(_folder.Path, "apple.png"));
        // The picture is its own mask: what is light is painted anew.
        var decoding = new GenerationOptions { Candidates = 1, Diffusion = new DiffusionOptions { DecoderSteps = 4 } };
        var options = decoding with { Diffusion = new DiffusionOptions { DecoderSteps = 4, PriorSteps = 3 } };
        var seeds = GenerationRequest.Series("a red cube", 7, 4).Select(request => request.Seed).ToArray();
        string[] decoder = ["-m", "model", "--seed", "7", "--steps", "4"], both = [.. decoder, "--prior-steps", "3"];

        await Compare(seeds.Select(seed => model.Generate("a red cube", seed, options)), ["generate", "a red cube", "-n", "4", "--candidates", "1", .. both]);
        await Compare(seeds.Select(seed => model.Vary(apple, seed, options: decoding)), ["variations", "apple.png", "-n", "4", .. decoder]);
        await Compare(seeds.Take(1).Select(seed => model.Vary(apple, seed, strength: 0.5f, decoding)), ["variations", "apple.png", "--strength", "0.5", .. decoder]);
        await Compare(seeds.Select(seed => model.Inpaint("a red cube", apple, apple, seed, options)), ["inpaint", "apple.png", "a red cube", "--mask", "apple.png", "-n", "4", "--candidates", "1", .. both]);
        await Compare([model.Inpaint("a red cube", apple, apple, seeds[0], options)], ["inpaint", "apple.png", "a red cube", "--mask", "apple.png", "--candidates", "1", .. both]);
        await Compare([model.Vary(apple, seeds[0], options: decoding)], ["variations", "apple.png", .. decoder]);
        await Compare(model.Interpolate(apple, apple, frames: 3, seed: 7, decoding), ["interpolate", "apple.png", "apple.png", "--frames", "3", .. decoder]);
        await Compare(model.InterpolatePrompts("a red cube", "a blue bird", frames: 3, seed: 7, options), ["interpolate", "a red cube", "a blue bird", "--frames", "3", .. both]);
    }

    [Theory]
    [InlineData("karlo")]
    [InlineData("dalle2-pytorch")]
    public async Task A_pipeline_makes_what_the_tool_writes_in_batches_of_one_and_four(string family)
    {
        await Run("export", family, "--random", "--size", "tiny", "-o", "model");
        string[] few = ["-m", "model", "--seed", "7", "-n", "4", "--steps", "4"];
        var varied = await Files(["variations", "apple.png", .. few]);
        var painted = await Files(["inpaint", "apple.png", "a red cube", "--mask", "apple.png", "--candidates", "1", "--prior-steps", "3", .. few]);
        using var apple = MLImage.CreateFromFile(Path.Combine(_folder.Path, "apple.png"));
        var rows = GenerationRequest.Series("a red cube", 7, 4).Select(request => new EditRow { Prompt = request.Prompt, RowSeed = request.Seed, Picture = apple }).ToArray();
        var ml = new MLContext();
        foreach (var batchSize in new[] { 1, 4 })
        {
            var variations = ml.Transforms.DalleVariations(new DalleVariationsEstimator.Options
            {
                ModelPath = Path.Combine(_folder.Path, "model"),
                InputColumnName = "Picture",
                InputSeedColumnName = "RowSeed",
                Generation = new GenerationOptions { Diffusion = new DiffusionOptions { DecoderSteps = 4 } },
                BatchSize = batchSize,
            });
            Assert.Equal(varied, Images(variations));
            var inpainting = ml.Transforms.DalleInpaint(new DalleInpaintEstimator.Options
            {
                ModelPath = Path.Combine(_folder.Path, "model"),
                InputTextColumnName = "Prompt",
                InputImageColumnName = "Picture",
                InputMaskColumnName = "Picture",
                InputSeedColumnName = "RowSeed",
                Generation = new GenerationOptions { Candidates = 1, Diffusion = new DiffusionOptions { DecoderSteps = 4, PriorSteps = 3 } },
                BatchSize = batchSize,
            });
            Assert.Equal(painted, Images(inpainting));
        }

        byte[][] Images<T>(ComponentEstimator<T> estimator)
            where T : ComponentTransformer
        {
            var data = ml.Data.LoadFromEnumerable(rows);
            using var transformer = estimator.Fit(data);
            return [.. transformer.Transform(data).GetColumn<MLImage>("Image").Select(image =>
            {
                using (image)
                    return image.ToPng();
            })];
        }
    }

    private sealed class EditRow
    {
        public string Prompt { get; set; } = "";

        public ulong RowSeed { get; set; }

        [MLImageType]
        public MLImage? Picture { get; set; }
    }

    private async Task<byte[][]> Files(string[] command) =>
        [.. (await Run([.. command, "-o", "out" + command[0]])).Output.Select(file => File.ReadAllBytes(Path.Combine(_folder.Path, file)))];

    private async Task Compare(IEnumerable<GeneratedImage> images, string[] command)
    {
        var output = Path.Combine(_folder.Path, "out");
        if (Directory.Exists(output))
            Directory.Delete(output, recursive: true);
        var files = (await Run([.. command, "-o", "out"])).Output;
        var expected = images.Select(image =>
        {
            using (image)
                return image.Image.ToPng();
        }).ToArray();
        Assert.Equal(expected, files.Select(file => File.ReadAllBytes(Path.Combine(_folder.Path, file))));
    }

    private async Task<Tool> Run(params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.True(run.ExitCode == 0, run.Errors);
        return run;
    }
}
