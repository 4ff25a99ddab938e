using System.Text.Json;
using System.Xml.Linq;
using Dalle.ML.Evaluation;
using Microsoft.ML.Data;

namespace Dalle.ML.Cli.Tests;

public sealed class EvaluateTests : IDisposable
{
    private const int Side = 32;

    private readonly TemporaryFolder _folder = new();

    public EvaluateTests()
    {
        for (var number = 0; number < 12; number++)
        {
            Save("generated", number, shade: 40);
            Save("reference", number, shade: 0);
        }
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Folders_are_compared_by_the_features_of_a_model()
    {
        var run = await Run("evaluate", "generated", "reference", "--features", TinyFeatures.Path, "--splits", "2", "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("12 generated and 12 reference images, compared by 32 features of 'dalle-classifier-tiny'.", run.Errors, StringComparison.Ordinal);
        Assert.Contains("no more images than features", run.Errors, StringComparison.Ordinal);
        using var model = DalleModel.Load(TinyFeatures.Path);
        var score = new InceptionScore(12, model.Info.FeatureClasses, splits: 2);
        var expected = FeatureMetrics.Between(Features(model, "generated", score), Features(model, "reference"), inceptionScore: score);
        var row = Assert.Single(run.Json);
        Assert.Equal(expected.FrechetDistance, row.GetProperty("frechetDistance").GetDouble());
        Assert.Equal(expected.KernelDistance, row.GetProperty("kernelDistance").GetDouble());
        Assert.Equal(expected.InceptionScore, row.GetProperty("inceptionScore").GetDouble());
        Assert.Equal(expected.PrecisionRecall!.Recall, row.GetProperty("recall").GetDouble());
        Assert.Equal((12, 12, 0.0), (row.GetProperty("generated").GetInt32(), row.GetProperty("reference").GetInt32(), row.GetProperty("blur").GetDouble()));
        Assert.False(row.TryGetProperty("clipScore", out _));

        // The same again, as a table.
        var table = await Run("evaluate", "generated", "reference", "--features", TinyFeatures.Path, "--splits", "2", "--quiet");
        Assert.Equal("", table.Errors);
        Assert.Equal(2, table.Output.Length);
        Assert.Equal(["blur", "best of", "FID", "IS", "KID", "precision", "recall", "CLIP score", "accuracy"], table.Output[0].Split("  ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        var same = await Run("evaluate", "reference", "reference", "--features", TinyFeatures.Path, "--splits", "1", "--json", "-q");
        Assert.Equal(0, same.Json[0].GetProperty("frechetDistance").GetDouble(), tolerance: 1e-9);
    }

    [Fact]
    public async Task Both_sets_are_blurred_and_the_curve_is_drawn()
    {
        var run = await Run("evaluate", "generated", "reference", "--features", TinyFeatures.Path, "--splits", "1", "--blur", "0:3", "-o", "out", "--json");
        Assert.Equal([0.0, 1, 2, 3], run.Json.Select(row => row.GetProperty("blur").GetDouble()));
        Assert.Equal(run.Output, File.ReadAllLines(Path.Combine(_folder.Path, "out", "evaluation.jsonl")));
        Assert.Equal(["blur.svg", "evaluation.jsonl"], Directory.GetFiles(Path.Combine(_folder.Path, "out")).Select(Path.GetFileName).Order());
        var plot = XDocument.Load(Path.Combine(_folder.Path, "out", "blur.svg"));
        XNamespace svg = "http://www.w3.org/2000/svg";
        Assert.Equal([4, 4], plot.Descendants(svg + "polyline").Select(line => line.Attribute("points")!.Value.Split(' ').Length));
        Assert.Contains(plot.Descendants(svg + "text"), text => text.Value == "FID");

        // A blurred image is what the library blurs.
        using var model = DalleModel.Load(TinyFeatures.Path);
        var metrics = FeatureMetrics.Between(Features(model, "generated", blur: 2), Features(model, "reference", blur: 2));
        Assert.Equal(metrics.FrechetDistance, run.Json[2].GetProperty("frechetDistance").GetDouble());
    }

    [Fact]
    public async Task The_best_of_the_first_candidates_are_chosen()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "prompts.txt"), "a cat\na dog\na cat\n");
        var generated = await Run("generate", "--prompts", "prompts.txt", "--candidates", "4", "--best", "4", "--seed", "3", "--json", "-o", "out", "-m", TinyModel.Path);
        File.WriteAllLines(Path.Combine(_folder.Path, "images.jsonl"), generated.Output);
        var run = await Run("evaluate", "images.jsonl", "reference", "--best-of", "4,1,2", "--blur", "0,1", "--splits", "1", "--features", TinyFeatures.Path, "-m", TinyModel.Path, "--json", "-o", "plots");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal([(0, 1), (0, 2), (0, 4), (1, 4)], run.Json.Select(row => (row.GetProperty("blur").GetInt32(), row.GetProperty("bestOf").GetInt32())));
        Assert.All(run.Json, row => Assert.Equal(3, row.GetProperty("generated").GetInt32()));

        // The CLIP score is 100 × the cosine, and that of the best rises: it is what they were chosen by.
        var scores = run.Json[..3].Select(row => row.GetProperty("clipScore").GetDouble()).ToArray();
        Assert.Equal(scores.Order(), scores);
        using var model = TinyModel.Load();
        var best = generated.Json.GroupBy(line => line.GetProperty("prompt").GetString()!).ToDictionary(group => group.Key, group => Math.Max(0, 100 * group.Max(line => line.GetProperty("score").GetDouble()) / model.Info.ClipScale!.Value));
        Assert.Equal((2 * best["a cat"] + best["a dog"]) / 3, scores[2], tolerance: 0.5);
        Assert.True(File.Exists(Path.Combine(_folder.Path, "plots", "best_of.svg")));

        var more = await Run("evaluate", "images.jsonl", "reference", "--best-of", "8", "--features", TinyFeatures.Path);
        Assert.Equal(2, more.ExitCode);
        Assert.Contains("of 'a cat' there are 4 of the first 8 candidates. Make them with: dalle generate", more.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_an_inception_clip_judges_and_says_so()
    {
        var run = await Run("evaluate", "generated", "reference", "-m", TinyModel.Path, "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("CLIP of 'tiny-64'. They are no FID", run.Errors, StringComparison.Ordinal);
        Assert.Equal("CLIP of tiny-64", run.Json[0].GetProperty("features").GetString());
        Assert.False(run.Json[0].TryGetProperty("inceptionScore", out _));
    }

    [Fact]
    public async Task Images_that_cannot_be_read_are_named_and_left_out()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "generated", "broken.png"), "no image");
        var run = await Run("evaluate", "generated", "reference", "--features", TinyFeatures.Path, "--splits", "1", "--json");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("broken.png'", run.Errors, StringComparison.Ordinal);
        Assert.Contains("1 of 13 images of 'generated' cannot be read and are left out.", run.Errors, StringComparison.Ordinal);
        Assert.Equal(12, run.Json[0].GetProperty("generated").GetInt32());
    }

    [Fact]
    public async Task Pairs_are_compared_pixel_by_pixel()
    {
        File.Copy(PathOf("reference", 3), PathOf("generated", 3), overwrite: true);
        File.Delete(PathOf("reference", 5));
        var run = await Run("evaluate", "generated", "reference", "--features", TinyFeatures.Path, "--splits", "1", "--pairs", "--json");
        var pairs = run.Json[0];
        Assert.Equal((11, 1), (pairs.GetProperty("pairs").GetInt32(), pairs.GetProperty("equal").GetInt32()));
        Assert.Contains("--pairs: 11 names are on both sides; the other 1 images have no partner.", run.Errors, StringComparison.Ordinal);
        var others = Enumerable.Range(0, 12).Except([3, 5]).Select(number => (Read("generated", number), Read("reference", number))).ToArray();
        Assert.Equal(others.Average(pair => ImageSimilarity.PeakSignalToNoise(pair.Item1, pair.Item2)), pairs.GetProperty("psnr").GetDouble(), tolerance: 1e-9);
        Assert.Equal((1 + others.Sum(pair => ImageSimilarity.StructuralSimilarity(pair.Item1, pair.Item2, Side, Side))) / 11, pairs.GetProperty("ssim").GetDouble(), tolerance: 1e-9);

        byte[] Read(string set, int number)
        {
            using var image = MLImage.CreateFromFile(PathOf(set, number));
            return image.GetBGRPixels;
        }
    }

    /// <summary>A label is of the image, or else of the reference image of its prompt; images without one do not count.</summary>
    [Fact]
    public async Task Images_that_are_told_as_their_labels_say_are_counted()
    {
        using var model = DalleModel.Load(TinyFeatures.Path);
        var told = Enumerable.Range(0, 12).Select(number => Told(model, PathOf("generated", number))).ToArray();
        File.WriteAllLines(Path.Combine(_folder.Path, "images.jsonl"), Enumerable.Range(0, 12).Select(number => number < 3
            ? JsonSerializer.Serialize(new { file = $"generated/{number:00}.png", prompt = $"thing {number}", label = number == 0 ? (told[0] + 1) % model.Info.FeatureClasses : told[number] })
            : JsonSerializer.Serialize(new { file = $"generated/{number:00}.png", prompt = $"thing {number}" })));
        // Of the things 1 to 7; that of 1 is wrong, and its image has its own.
        File.WriteAllLines(Path.Combine(_folder.Path, "reference.csv"), ["file,prompt,label", .. Enumerable.Range(0, 12).Select(number =>
            $"reference/{number:00}.png,thing {number},{(number is 0 or > 7 ? "" : number is 1 or 7 ? $"{(told[number] + 1) % model.Info.FeatureClasses}" : $"{told[number]}")}")]);
        var run = await Run("evaluate", "images.jsonl", "reference.csv", "--features", TinyFeatures.Path, "--splits", "1", "-m", TinyModel.Path, "--json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(8, run.Json[0].GetProperty("labelled").GetInt32());
        Assert.Equal(6.0 / 8, run.Json[0].GetProperty("accuracy").GetDouble());

        var table = await Run("evaluate", "images.jsonl", "reference.csv", "--features", TinyFeatures.Path, "--splits", "1", "-m", TinyModel.Path, "-q");
        Assert.EndsWith("  0.750", table.Output[1], StringComparison.Ordinal);
        var clip = await Run("evaluate", "images.jsonl", "reference.csv", "-m", TinyModel.Path, "--json");
        Assert.Contains("labels are left out: 'tiny-64' tells no classes. Name a network that does with --features.", clip.Errors, StringComparison.Ordinal);
        Assert.False(clip.Json[0].TryGetProperty("accuracy", out _));

        static int Told(DalleModel model, string path)
        {
            using var image = MLImage.CreateFromFile(path);
            var logits = model.ExtractFeatures(image).Logits;
            return Array.IndexOf(logits, logits.Max());
        }
    }

    /// <summary>The classifier in the repository sees in generated pictures what they were asked for: numbers of its classes in the order of sprites.py.</summary>
    [Theory]
    [InlineData("a cat", 1)]
    [InlineData("a banana", 85)]
    [InlineData("a hamburger", 111)]
    public void The_classifier_of_the_built_in_world_knows_its_things(string prompt, int thing)
    {
        using var classifier = DalleModel.Load(Path.Combine(Repository.Root, "onnx", "emoji-classifier"));
        Assert.Equal((192, 443), (classifier.Info.FeatureDimension, classifier.Info.FeatureClasses));
        using var image = MLImage.CreateFromFile(Pictures.Generate(_folder, prompt, "thing.png"));
        var logits = classifier.ExtractFeatures(image).Logits;
        Assert.Equal(thing, Array.IndexOf(logits, logits.Max()));
    }

    [Fact]
    public async Task Captioned_images_have_a_loss()
    {
        var captions = Enumerable.Range(0, 3).Select(number => (File: $"generated/{number:00}.png", Prompt: number == 1 ? "two cats, \"grey\"" : "a cat")).ToArray();
        File.WriteAllLines(Path.Combine(_folder.Path, "captions.csv"), ["prompt,file", .. captions.Select(caption => $"\"{caption.Prompt.Replace("\"", "\"\"", StringComparison.Ordinal)}\",{caption.File}")]);
        File.WriteAllLines(Path.Combine(_folder.Path, "captions.jsonl"), captions.Select(caption => JsonSerializer.Serialize(new { file = caption.File, prompt = caption.Prompt })));
        using var model = TinyModel.Load();
        var losses = captions.Select(caption =>
        {
            using var image = MLImage.CreateFromFile(Path.Combine(_folder.Path, caption.File));
            return -model.LogLikelihood(caption.Prompt, image) / 64;
        }).ToArray();
        foreach (var list in new[] { "captions.csv", "captions.jsonl" })
        {
            var run = await Run("evaluate", "--loss", list, "-m", TinyModel.Path, "--json");
            Assert.Equal((0, ""), (run.ExitCode, run.Errors));
            Assert.Equal(losses.Average(), run.Json[0].GetProperty("natsPerImageToken").GetDouble(), tolerance: 1e-4);
            Assert.Equal(captions.Average(caption => -model.TextLogProbabilities(caption.Prompt).Average()), run.Json[0].GetProperty("natsPerTextToken").GetDouble(), tolerance: 1e-6);
            Assert.Equal(3, run.Json[0].GetProperty("images").GetInt32());
        }
        var text = await Run("evaluate", "--loss", "captions.csv", "-m", TinyModel.Path);
        Assert.Contains("nats per image token (standard error", Assert.Single(text.Output), StringComparison.Ordinal);
        Assert.Contains(" nats per text token with its padding, 3 images", text.Output[0], StringComparison.Ordinal);
        var silent = await Run("evaluate", "--loss", "captions.csv", "-m", TinyModel.PathWithoutText, "--json");
        Assert.False(silent.Json[0].TryGetProperty("natsPerTextToken", out _));
    }

    [Theory]
    [InlineData(2, "evaluate needs generated images", "evaluate")]
    [InlineData(2, "the images to compare with are missing", "evaluate", "generated")]
    [InlineData(2, "--blur is for generated and reference images", "evaluate", "--loss", "captions.csv", "--blur", "0:2")]
    [InlineData(2, "--blur must be a range such as 0:8", "evaluate", "generated", "reference", "--blur", "8:0")]
    [InlineData(2, "--blur must be a range such as 0:8", "evaluate", "generated", "reference", "--blur", "-1")]
    [InlineData(2, "--blur must be a range such as 0:8", "evaluate", "generated", "reference", "--blur", "1,1")]
    [InlineData(2, "--best-of must be a list such as 1,2,4,8", "evaluate", "generated", "reference", "--best-of", "0")]
    [InlineData(2, "--best-of must be a list such as 1,2,4,8", "evaluate", "generated", "reference", "--best-of", "1,x")]
    [InlineData(2, "--best-of needs the candidates of each prompt", "evaluate", "generated", "reference", "--best-of", "2")]
    [InlineData(2, "12 images cannot be split into 13 parts. Reduce --splits.", "evaluate", "generated", "reference", "--features", "FEATURES", "--splits", "13")]
    [InlineData(2, "no generated image has the name of a reference image", "evaluate", "generated", "other", "--features", "FEATURES", "--splits", "1", "--pairs")]
    [InlineData(2, "there are 12 generated and 1 reference images", "evaluate", "generated", "single", "--features", "FEATURES", "--splits", "1")]
    [InlineData(1, "'nowhere' does not exist. Name a folder of images", "evaluate", "nowhere", "reference")]
    [InlineData(1, "The folder 'empty' has no images", "evaluate", "generated", "empty")]
    [InlineData(1, "'generated/00.png' is one file. Name a folder of images", "evaluate", "generated/00.png", "reference")]
    [InlineData(1, "'bad.jsonl', line 2: no image is named.", "evaluate", "bad.jsonl", "reference")]
    [InlineData(1, "'bad.csv', line 1: the header has no column 'file'; it has: prompt, path.", "evaluate", "bad.csv", "reference")]
    [InlineData(1, "'gone.jsonl' can be read", "evaluate", "gone.jsonl", "reference")]
    [InlineData(1, "'words.jsonl', line 2: 'label' is 'cat'; it must be the number of a class, from 0.", "evaluate", "words.jsonl", "reference")]
    [InlineData(1, "'words.csv', line 2: 'label' is '-1'; it must be", "evaluate", "words.csv", "reference")]
    [InlineData(1, "the label 9999 of", "evaluate", "large.csv", "reference", "--features", "FEATURES", "--splits", "1")]
    [InlineData(1, "have the same prompt and the labels 1 and 2.", "evaluate", "generated", "twice.csv", "--features", "FEATURES", "--splits", "1")]
    [InlineData(1, "has no caption of", "evaluate", "--loss", "generated")]
    [InlineData(1, "the folder does not exist", "evaluate", "generated", "reference", "--features", "./nowhere")]
    public async Task Mistakes_are_told_with_their_remedy(int exitCode, string message, params string[] arguments)
    {
        foreach (var name in new[] { "empty", "other", "single" })
            Directory.CreateDirectory(Path.Combine(_folder.Path, name));
        File.Copy(PathOf("reference", 0), Path.Combine(_folder.Path, "single", "00.png"));
        foreach (var number in new[] { 0, 1 })
            File.Copy(PathOf("reference", number), Path.Combine(_folder.Path, "other", $"x{number}.png"));
        File.WriteAllText(Path.Combine(_folder.Path, "bad.jsonl"), "{\"file\":\"generated/00.png\"}\n{\"prompt\":\"a cat\"}\n");
        File.WriteAllText(Path.Combine(_folder.Path, "bad.csv"), "prompt,path\na cat,x.png\n");
        File.WriteAllText(Path.Combine(_folder.Path, "words.jsonl"), "{\"file\":\"generated/00.png\",\"label\":3}\n{\"file\":\"generated/01.png\",\"label\":\"cat\"}\n");
        File.WriteAllText(Path.Combine(_folder.Path, "words.csv"), "file,label\ngenerated/00.png,-1\n");
        File.WriteAllText(Path.Combine(_folder.Path, "large.csv"), "file,label\ngenerated/00.png,1\ngenerated/01.png,9999\n");
        File.WriteAllText(Path.Combine(_folder.Path, "twice.csv"), "file,prompt,label\nreference/00.png,a cat,1\nreference/01.png,a cat,2\n");
        File.WriteAllText(Path.Combine(_folder.Path, "gone.jsonl"), "{\"file\":\"gone.png\"}\n");
        var run = await Run([.. arguments.Select(argument => argument == "FEATURES" ? TinyFeatures.Path : argument)]);
        Assert.Contains(message, run.Errors, StringComparison.Ordinal);
        Assert.Equal((exitCode, 0), (run.ExitCode, run.Output.Length));
    }

    private Task<Tool> Run(params string[] arguments) => Tool.RunAsync(_folder.Path, arguments);

    private FeatureSet Features(DalleModel model, string set, InceptionScore? score = null, double blur = 0)
    {
        var features = new FeatureSet();
        for (var number = 0; number < 12; number++)
        {
            using var image = MLImage.CreateFromFile(PathOf(set, number));
            using var blurred = MLImage.CreateFromPixels(Side, Side, image.PixelFormat, GaussianBlur.Apply(image.Pixels, Side, Side, blur));
            var (values, logits) = model.ExtractFeatures(blurred);
            features.Add(values);
            score?.Add(logits);
        }
        return features;
    }

    private void Save(string set, int number, int shade)
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, set));
        var pixels = new byte[4 * Side * Side];
        for (var i = 0; i < pixels.Length; i++)
            pixels[i] = i % 4 == 3 ? byte.MaxValue : (byte)(shade + i / 4 % Side * (number + 3) % 150 + i / (4 * Side) * number % 60);
        using var image = MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Bgra32, pixels);
        image.Save(PathOf(set, number));
    }

    private string PathOf(string set, int number) => Path.Combine(_folder.Path, set, $"{number:00}.png");
}
