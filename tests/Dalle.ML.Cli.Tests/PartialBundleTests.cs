namespace Dalle.ML.Cli.Tests;

/// <summary>Bundles of a part of DALL·E: what they have works, and what they have not is said.</summary>
public sealed class PartialBundleTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public PartialBundleTests() => Pictures.Generate(_folder, "a red apple", "apple.png");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_discrete_vae_alone_reconstructs()
    {
        await Succeed("export", "openai-dvae", "--random", "--size", "tiny", "--set", "width=48", "--set", "height=32", "-o", "codec");
        await Succeed("verify", "codec");
        var info = (await Succeed("info", "codec", "--json")).Json.Single();
        Assert.Equal((48, 4, 6), (info.GetProperty("imageWidth").GetInt32(), info.GetProperty("tokenRows").GetInt32(), info.GetProperty("tokenColumns").GetInt32()));
        Assert.Equal((false, true, true), (info.GetProperty("canGenerate").GetBoolean(), info.GetProperty("canDecode").GetBoolean(), info.GetProperty("canEncode").GetBoolean()));
        var report = (await Succeed("reconstruct", "apple.png", "-m", "codec", "-o", "out", "--json")).Json.Single();
        Assert.True(File.Exists(report.GetProperty("file").GetString()));
        await Succeed("bench", "-m", "codec", "--json");
        await Fail("cannot generate", "generate", "a cat", "-m", "codec", "--seed", "1", "-o", "out");
        await Fail("has no CLIP", "score", "a cat", "apple.png", "-m", "codec");
    }

    [Fact]
    public async Task A_clip_alone_ranks_and_is_added_to_a_model()
    {
        await Succeed("export", "clip", "--random", "--size", "tiny", "-o", "ranker");
        await Succeed("verify", "ranker");
        Assert.Contains(await Output("info", "ranker"), line => line.StartsWith("images", StringComparison.Ordinal) && line.EndsWith("none", StringComparison.Ordinal));
        await Succeed("score", "a cat", "apple.png", "-m", "ranker");
        await Succeed("bench", "-m", "ranker", "--json");
        await Fail("neither encodes nor decodes", "encode", "apple.png", "-m", "ranker");

        await Succeed("export", "dalle", "--random", "--size", "tiny", "--clip", "ranker", "-o", "model");
        Directory.Delete(Path.Combine(_folder.Path, "ranker"), recursive: true);
        await Succeed("verify", "model");
        await Succeed("generate", "a cat", "-m", "model", "--candidates", "2", "--seed", "1", "-o", "out");

        await Succeed("export", "dalle", "--random", "--size", "tiny", "-o", "unranked");
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\n");
        foreach (string[] command in new string[][] { ["generate", "a cat"], ["complete", "apple.png", "a cat", "--keep", "top:1"], ["batch", "prompts.txt"] })
        {
            var run = await Tool.RunAsync(_folder.Path, [.. command, "-m", "unranked", "--candidates", "2", "-o", "none"]);
            Assert.Equal(2, run.ExitCode);
            Assert.StartsWith("dalle: --candidates 2: nothing ranks the candidates, because the model '", run.Errors, StringComparison.Ordinal);
        }
        await Succeed("generate", "a cat", "-m", "unranked", "--seed", "1", "-o", "out");

        await Succeed("export", "openai-dvae", "--random", "--size", "tiny", "-o", "codec");
        await Fail("it has no CLIP", "export", "dalle", "--random", "--size", "tiny", "--clip", "codec", "-o", "other");
    }

    [Fact]
    public async Task An_upscaler_alone_enlarges_and_is_added_to_a_model()
    {
        await Succeed("export", "real-esrgan", "--random", "--size", "tiny", "-o", "upscaler");
        await Succeed("verify", "upscaler");
        Assert.Equal(4, (await Succeed("info", "upscaler", "--json")).Json.Single().GetProperty("upscaleFactor").GetInt32());
        var report = (await Succeed("upscale", "apple.png", "-m", "upscaler", "-o", "out", "--json")).Json.Single();
        Assert.Equal((512, 512), (report.GetProperty("width").GetInt32(), report.GetProperty("height").GetInt32()));
        Assert.Equal((512, 512), SizeOf(report.GetProperty("file").GetString()!));
        File.WriteAllText(Path.Combine(_folder.Path, "broken.png"), "not a picture");
        var partly = await Tool.RunAsync(_folder.Path, ["upscale", "broken.png", "apple.png", "-m", "upscaler", "-o", "more"]);
        Assert.Equal(1, partly.ExitCode);
        Assert.Equal((512, 512), SizeOf(Assert.Single(partly.Output)));
        await Misuse("has no upscaler", "upscale", "apple.png", "-o", "out");

        using (var image = Microsoft.ML.Data.MLImage.CreateFromPixels(2100, 2100, Microsoft.ML.Data.MLPixelFormat.Rgba32, new byte[4 * 2100 * 2100]))
            image.Save(Path.Combine(_folder.Path, "large.png"));
        var large = await Tool.RunAsync(_folder.Path, ["upscale", "large.png", "apple.png", "-m", "upscaler", "-o", "most"]);
        Assert.Equal((1, 1), (large.ExitCode, large.Output.Length));
        Assert.Contains("dalle: 'large.png': An image of 2100 × 2100 pixels would be one of 8400 × 8400", large.Errors, StringComparison.Ordinal);
        await Misuse("The setting denoise", "export", "real-esrgan", Path.Combine("upscaler", "dalle.json"), "--set", "denoise=5", "-o", "mixed");

        await Succeed("export", "dalle", "--random", "--size", "tiny", "--upscaler", "upscaler", "-o", "model");
        Assert.Equal((256, 256), SizeOf(Assert.Single(await Output("generate", "a cat", "-m", "model", "--upscale", "4", "--seed", "1", "-o", "own"))));
        Assert.Equal((2048, 2048), SizeOf(Assert.Single(await Output("generate", "a cat", "--candidates", "1", "--upscale", "16", "--upscaler", "upscaler", "--seed", "1", "-o", "twice"))));
        await Misuse("enlarges 4 times", "generate", "a cat", "--upscale", "8", "--upscaler", "upscaler", "--seed", "1", "-o", "none");
        await Misuse("has no upscaler", "generate", "a cat", "--upscale", "4", "--seed", "1", "-o", "none");
        await Misuse("--upscale says how many times", "generate", "a cat", "--upscaler", "upscaler", "--seed", "1", "-o", "none");
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\n");
        string[] batch = ["batch", "prompts.txt", "--candidates", "1", "--seed", "1"];
        await Succeed([.. batch, "--upscale", "4", "--upscaler", "upscaler", "-o", "large"]);
        Assert.Equal((512, 512), SizeOf(Path.Combine(_folder.Path, "large", "0.png")));
        // It goes on with the same enlargement only.
        await Succeed([.. batch, "--upscale", "4", "--upscaler", "upscaler", "-o", "large"]);
        await Fail("--upscale is 4 there and absent here", [.. batch, "-o", "large"]);
        await Fail("--upscale is 4 there and 16 here", [.. batch, "--upscale", "16", "--upscaler", "upscaler", "-o", "large"]);
        await Misuse("has no upscaler", [.. batch, "--upscale", "4", "-o", "none"]);
        await Misuse("--upscale says how many times", [.. batch, "--upscaler", "upscaler", "-o", "none"]);
        await Misuse("--upscale must be a whole number from 2 to 64", [.. batch, "--upscale", "1", "-o", "none"]);

        // This model has no CLIP.
        Assert.Single(await Output("generate", "a cat", "-m", "model", "--candidates", "3", "--rank-by", "perplexity", "--seed", "1", "-o", "ranked"));
        await Misuse("--rank-by both: the model", "generate", "a cat", "-m", "model", "--rank-by", "both", "--seed", "1", "-o", "none");
        await Misuse("add --rank-by perplexity", "generate", "a cat", "-m", "model", "--candidates", "3", "--seed", "1", "-o", "none");
        await Fail("it has no upscaler", "export", "dalle", "--random", "--size", "tiny", "--upscaler", DalleModel.DefaultPath, "-o", "other");
    }

    [Fact]
    public async Task A_diffusion_model_generates_and_shows_what_it_expects()
    {
        await Succeed("export", "dalle2-pytorch", "--random", "--size", "tiny", "-o", "unclip");
        await Succeed("generate", "a cat", "-m", "unclip", "--seed", "1", "--progressive", "steps", "-o", "out");
        var previews = Directory.GetFiles(Path.Combine(_folder.Path, "steps")).Select(Path.GetFileName).Order(StringComparer.Ordinal).ToArray();
        Assert.True(previews.Length > 2);
        Assert.All(previews, preview => Assert.Matches(@"^a-cat_1_stage\d_step\d+\.png$", preview));
        await Misuse("--temperature is for models that sample image tokens", "generate", "a cat", "-m", "unclip", "--seed", "1", "--temperature", "0.5", "-o", "none");
        await Misuse("--rank-by is for models that sample image tokens", "generate", "a cat", "-m", "unclip", "--seed", "1", "--rank-by", "perplexity", "-o", "none");
        await Misuse("--seamless is for models that sample image tokens", "generate", "a cat", "-m", "unclip", "--seed", "1", "--grid", "--seamless", "-o", "none");
        await Misuse("--steps is for DALL·E 2 models", "generate", "a cat", "--seed", "1", "--steps", "5", "-o", "none");

        // Fewer steps are another image, and a batch goes on with the steps that it began with.
        byte[][] images = [.. await Task.WhenAll(new[] { "3", "5", "3" }.Select(async steps => (await Succeed("generate", "a cat", "-m", "unclip", "--seed", "1", "--steps", steps, "-o", "-")).Bytes))];
        Assert.Equal(images[0], images[2]);
        Assert.NotEqual(images[0], images[1]);
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\n");
        string[] batch = ["batch", "prompts.txt", "-m", TinyUnclip.Path, "--seed", "1", "-o", "batch"];
        await Succeed([.. batch, "--steps", "3", "--prior-steps", "2", "--prior-guidance", "2"]);
        await Succeed([.. batch, "--steps", "3", "--prior-steps", "2", "--prior-guidance", "2"]);
        await Fail("--steps is 3 there and the model's here", [.. batch, "--prior-steps", "2", "--prior-guidance", "2"]);
        await Fail("--prior-guidance is 2 there and 3 here", [.. batch, "--steps", "3", "--prior-steps", "2", "--prior-guidance", "3"]);
        string[] other = ["batch", "prompts.txt", "-m", "unclip", "--seed", "1", "-o", "other"];
        await Misuse("--fast is for models that name smaller numbers of steps", [.. other, "--fast"]);
        await Misuse("--prior-guidance is for models whose prior predicts something else without the text", [.. other, "--prior-guidance", "2"]);
    }

    [Fact]
    public async Task A_diffusion_model_varies_repaints_and_goes_from_one_to_another()
    {
        await Succeed("export", "dalle2-pytorch", "--random", "--size", "tiny", "-o", "unclip");
        string[] fewer = ["-m", "unclip", "--seed", "7", "--steps", "3"];
        string[] few = [.. fewer, "--prior-steps", "3"];
        Assert.Equal(["apple_variation_7.png", "apple_variation_"], (await Output(["variations", "apple.png", "-n", "2", "-o", "varied", .. fewer])).Select(path => Path.GetFileName(path)).Select((name, i) => i == 0 ? name : name[..16]));
        Assert.Single(await Output(["variations", "apple.png", "--strength", "0", "-o", "near", .. fewer]));
        await Misuse("--prior-steps is for the prior", ["variations", "apple.png", "-o", "none", .. few]);
        Assert.Equal("apple_inpainted_7.png", Path.GetFileName(Assert.Single(await Output(["inpaint", "apple.png", "a cat", "--mask", "apple.png", "-o", "painted", .. few]))));
        foreach (string[] ends in new string[][] { ["a cat", "a dog"], ["apple.png", "apple.png"] })
        {
            var strip = await Output(["interpolate", .. ends, "--frames", "3", "--grid", "-o", $"strip{ends[0].Length}", .. (ends[0] == "a cat" ? few : fewer)]);
            Assert.Equal(["frame_001_7.png", "frame_002_7.png", "frame_003_7.png", "grid.png"], strip.Select(path => Path.GetFileName(path)));
        }
        // The images are those of the library.
        using (var model = DalleModel.Load(Path.Combine(_folder.Path, "unclip")))
        using (var apple = Read("apple.png"))
        {
            var options = new GenerationOptions { Candidates = 1, Diffusion = new DiffusionOptions { DecoderSteps = 3 } };
            AssertSame(model.Vary(apple, seed: 7, options: options), Path.Combine("varied", "apple_variation_7.png"));
            AssertSame(model.Interpolate(apple, apple, frames: 3, seed: 7, options).ElementAt(1), Path.Combine("strip9", "frame_002_7.png"));
            options = options with { Diffusion = options.Diffusion with { PriorSteps = 3 } };
            AssertSame(model.Inpaint("a cat", apple, apple, seed: 7, options), Path.Combine("painted", "apple_inpainted_7.png"));
            AssertSame(model.InterpolatePrompts("a cat", "a dog", frames: 3, seed: 7, options).ElementAt(1), Path.Combine("strip5", "frame_002_7.png"));
        }
        await Misuse("is a file and 'a cat' is none", "interpolate", "apple.png", "a cat", "-m", "unclip");
        await Fail("The image file 'no-such.png' does not exist.", ["interpolate", "no-such.png", "no-other.png", .. few]);
        await Misuse("--steps must be between 1 and 1000 for the model", "generate", "a cat", "-m", "unclip", "--seed", "1", "--steps", "9999", "-o", "none");
        await Misuse("--prior-steps is for the prior", "variations", "apple.png", "--prior-steps", "3", "-m", "unclip", "-o", "none");
        await Misuse("--strength", "variations", "apple.png", "--strength", "2", "-m", "unclip", "-o", "none");
        await Misuse("is not one of DALL·E 2", "variations", "apple.png", "--seed", "7", "-o", "none");
        await Misuse("is not one of DALL·E 2", "interpolate", "a cat", "a dog", "--seed", "7", "-o", "none");
    }

    [Fact]
    public async Task What_an_export_assumed_or_left_out_is_said()
    {
        var weights = new TinyCheckpoint(seed: 1);
        foreach (var network in new[] { "params", "params_ema" })
        {
            weights.Convolution($"{network}.body.0", 4, 3, 3);
            weights.Normal($"{network}.body.1.weight", 1, 4);
            weights.Convolution($"{network}.body.2", 12, 4, 3);
        }
        weights.Write(Path.Combine(_folder.Path, "two.safetensors"));
        var run = await Succeed("export", "real-esrgan", "two.safetensors", "-o", "upscaler");
        Assert.Contains("dalle: the file holds two networks, 'params_ema' and 'params': as xinntao does, 'params_ema' is exported.", run.Errors, StringComparison.Ordinal);
        var notes = (await Succeed("export", "real-esrgan", "two.safetensors", "-o", "upscaler", "--set", "loader=ru-dalle", "--json")).Json.Single().GetProperty("notes");
        Assert.Contains("'params' is exported", Assert.Single(notes.EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Equal("", (await Succeed("export", "real-esrgan", "--random", "--size", "tiny", "-o", "upscaler")).Errors);
    }

    private (int Width, int Height) SizeOf(string file)
    {
        using var image = Read(file);
        return (image.Width, image.Height);
    }

    private Microsoft.ML.Data.MLImage Read(string file) => new ImageReader().Read(Path.Combine(_folder.Path, file));

    private void AssertSame(GeneratedImage expected, string file)
    {
        using (expected)
        using (var actual = Read(file))
            Assert.Equal(Convert.ToHexString(expected.Image.Pixels), Convert.ToHexString(actual.Pixels));
    }

    private async Task Misuse(string reason, params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.Equal(2, run.ExitCode);
        Assert.Contains(reason, run.Errors, StringComparison.Ordinal);
    }

    private async Task<string[]> Output(params string[] arguments) => (await Succeed(arguments)).Output;

    private async Task<Tool> Succeed(params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.True(run.ExitCode == 0, $"dalle {string.Join(' ', arguments)}: {run.Errors}");
        return run;
    }

    private async Task Fail(string reason, params string[] arguments)
    {
        var run = await Tool.RunAsync(_folder.Path, arguments);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains(reason, Assert.Single(run.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
    }
}
