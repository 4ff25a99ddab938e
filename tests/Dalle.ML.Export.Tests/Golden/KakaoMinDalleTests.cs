using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Images;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Bundles of minDALL-E's folder and of its models of images alone against what its own code made of them: logits, then greedy tokens, then
/// images. The reference has no tokenizer, so the prompts are ids, and a vocabulary of two words stands in.
/// </summary>
[Trait("Category", "Golden")]
public sealed partial class KakaoMinDalleTests : IDisposable
{
    private const string Family = "minDALL-E";

    // What the reference's script samples (sampling_igpt) and computes (iGPT.forward) where there are classes.
    private const int SampledClass = 3;
    private static readonly int[] ForwardClasses = [3, 5];

    private const string Vocabulary = """{"[PAD]":0,"[UNK]":1,"c":2,"a":3,"t</w>":4,"a</w>":5,"at</w>":6,"cat</w>":7}""";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Folders of the project's layout.</summary>
    public static IEnumerable<TheoryDataRow<string>> Models() => GoldenFolder.Files(Family, "config.yaml");

    /// <summary>Transformers of images alone.</summary>
    public static IEnumerable<TheoryDataRow<string>> ImageModels() => GoldenFolder.Files(Family, "stage2_last.ckpt", "stage2.safetensors")
        .Where(file => file.Skip is not null || !File.Exists(Path.Combine(FolderOf(file.Data), "config.yaml")))
        .Where(file => file.Skip is not null || Json(Path.Combine(FolderOf(file.Data), "config.json")).TryGetProperty("use_cls_cond", out _))
        .DefaultIfEmpty(new TheoryDataRow<string>(Family) { Skip = "There is no golden model of images alone." });

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_position_has_the_reference_logits(string file)
    {
        var (bundle, golden) = (Export(file), Above(file));
        using var decoder = new DecoderRun(bundle);
        var (text, codes, logits) = (Read(golden, "forward_text"), Read(golden, "forward_image_codes"), Read(golden, "forward_logits_img"));
        foreach (var (ids, i) in text.Longs().Chunk(text.Shape[1]).Select((ids, i) => (ids, i)))
            AssertForward(decoder, ids, codes, logits, i);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void The_text_has_the_reference_logits(string file)
    {
        var (bundle, golden) = (Export(file), Above(file));
        var (text, logits) = (Read(golden, "forward_text"), Read(golden, "forward_logits_txt"));
        foreach (var (i, ids) in text.Longs().Chunk(text.Shape[1]).Index())
        {
            foreach (var (place, (expected, actual)) in logits.Floats().Chunk(logits.Shape[2]).Skip(i * logits.Shape[1]).Take(logits.Shape[1]).Zip(TextLogits.Of(bundle, ids)).Index())
                Near.Values(expected, actual, $"place {place} of text {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Greedy_steps_give_the_reference_logits_codes_and_images(string file)
    {
        var (bundle, golden) = (Export(file), Above(file));
        using var decoder = new DecoderRun(bundle);
        using var codec = new DiscreteVae(bundle, DalleDevice.Cpu);
        var text = Read(golden, "forward_text");
        var prompts = text.Longs().Chunk(text.Shape[1]).Where((_, i) => File.Exists(Path.Combine(golden, $"gen{i}_codes.npy"))).ToArray();
        Assert.NotEmpty(prompts);
        var generated = decoder.Greedy(prompts);
        foreach (var (prompt, i) in prompts.Select((prompt, i) => (prompt, i)))
        {
            var (codes, logits) = (Read(golden, $"gen{i}_codes").Longs(), Read(golden, $"gen{i}_logits"));
            var actual = decoder.Steps(prompt, codes[..^1]);
            foreach (var (expected, step) in logits.Floats().Chunk(logits.Shape[^1]).Select((row, step) => (row, step)))
                Near.Values(expected, actual[step], $"logits of step {step} of prompt {i}");
            Assert.Equal(codes, generated[i]);
            Near.Pixels(Read(golden, $"gen{i}_image").Floats(), codec.Decode(Array.ConvertAll(codes, code => (int)code)).Values, $"image {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Images_become_the_reference_codes_and_codes_the_reference_images(string file)
    {
        var golden = Above(file);
        using var codec = new DiscreteVae(Export(file), DalleDevice.Cpu);
        var (images, codes, again) = (Read(golden, "image_u8"), Read(golden, "encode_codes"), Read(golden, "recon_image"));
        foreach (var (expected, i) in codes.Longs().Chunk(codes.Shape[1]).Select((row, i) => (Array.ConvertAll(row, code => (int)code), i)))
        {
            var (height, width) = (images.Shape[1], images.Shape[2]);
            var image = images.Data.AsMemory(i * 3 * height * width, 3 * height * width).ToArray();
            var planes = Enumerable.Range(0, image.Length).Select(j => image[j % (height * width) * 3 + j / (height * width)] / 255f);
            Assert.Equal(expected, codec.Encode(new ImageTensor(width, height, [.. planes])));
            Near.Pixels(again.Floats().AsSpan(i * image.Length, image.Length), codec.Decode(expected).Values, $"reconstruction {i}");
        }
        var raw = Read(golden, "decode_raw").Floats().Select(value => Math.Clamp(value * 0.5f + 0.5f, 0, 1)).ToArray();
        Near.Pixels(raw, codec.Decode([.. Read(golden, "decode_codes").Longs().Select(code => (int)code)]).Values, "decoded image");
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_precision_draws_an_image(string file)
    {
        foreach (var precision in Enum.GetValues<Precision>())
        {
            using var model = DalleModel.Load(Export(file, precision).Folder);
            using var image = model.Generate("a cat", seed: 1);
            Assert.True(image.Tokens.Distinct().Count() > 1);
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void A_folder_without_a_tokenizer_is_refused_by_the_file_that_is_missing(string file)
    {
        var error = Assert.Throws<FileNotFoundException>(() => BundleExporter.Export(Family, [FolderOf(file)], Path.Combine(_folder.Path, "bundle")));
        Assert.Contains("bpe-16k-vocab.json", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(ImageModels))]
    public void Models_of_images_alone_give_the_reference_logits_and_codes(string file)
    {
        var (bundle, golden) = (ExportImageModel(file), FolderOf(file));
        using var decoder = new DecoderRun(bundle);
        var hasClasses = bundle.Manifest.Text!.Vocabulary > 1;
        var (codes, logits) = (Read(Above(file), "forward_image_codes"), Read(golden, "forward_logits"));
        for (var i = 0; i < codes.Shape[0]; i++)
            AssertForward(decoder, [hasClasses ? ForwardClasses[i] : 0], codes, logits, i);
        Assert.Equal([Read(golden, "gen_codes").Longs()], decoder.Greedy([hasClasses ? SampledClass : 0]));
    }

    [Theory]
    [MemberData(nameof(ImageModels))]
    public void The_prompt_of_a_model_of_images_alone_is_a_class(string file)
    {
        using var model = DalleModel.Load(ExportImageModel(file).Folder);
        var options = new GenerationOptions { Sampling = new() { TopK = 1 } };
        using var image = model.Generate(SampledClass.ToString(System.Globalization.CultureInfo.InvariantCulture), seed: 1, options);
        Assert.Equal(Read(FolderOf(file), "gen_codes").Longs(), image.Tokens.Select(token => (long)token));
    }

    private static void AssertForward(DecoderRun decoder, long[] prompt, Npy codes, Npy logits, int row)
    {
        var image = codes.Longs().Chunk(codes.Shape[1]).ElementAt(row)[..^1];
        var expected = logits.Floats().Chunk(logits.Shape[2]).Skip(row * logits.Shape[1]).Take(logits.Shape[1]);
        var actual = decoder.Steps(prompt, image);
        foreach (var (values, position) in expected.Select((values, position) => (values, position)))
            Near.Values(values, actual[position], $"logits after {position} image tokens of row {row}");
        Near.Values(actual[^1], decoder.AtOnce(prompt, image), "logits with and without the cache");
    }

    /// <summary>Exports a copy of a folder that has a tokenizer besides.</summary>
    private Bundle Export(string file, Precision precision = Precision.Fp32)
    {
        var source = Path.Combine(_folder.Path, "source");
        if (!Directory.Exists(source))
        {
            _folder.CopyOf(FolderOf(file), "source");
            Directory.CreateDirectory(Path.Combine(source, "tokenizer"));
            File.WriteAllText(Path.Combine(source, "tokenizer", "bpe-16k-vocab.json"), Vocabulary);
            File.WriteAllText(Path.Combine(source, "tokenizer", "bpe-16k-merges.txt"), "#version: 0.2\na t</w>\nc at</w>\n");
        }
        return Export([source], precision, []);
    }

    private Bundle ExportImageModel(string file)
    {
        var stage1 = GoldenFolder.Files(Family, "stage1_last.ckpt", "stage1.safetensors").First().Data;
        var config = Json(Path.Combine(FolderOf(file), "config.json"));
        return Export([PathOf(stage1), PathOf(file)], Precision.Fp32, new()
        {
            ["heads"] = config.GetProperty("n_heads").GetRawText(),
            ["quick-gelu"] = config.GetProperty("gelu_use_approx").GetBoolean() ? "1" : "0",
        });
    }

    private Bundle Export(string[] sources, Precision precision, Dictionary<string, string> settings)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export(Family, sources, output, new() { Precision = precision, Settings = settings });
        return Bundle.Open(output);
    }

    private static string PathOf(string file) => Path.Combine(GoldenFolder.Root, file);

    private static string FolderOf(string file) => Path.GetDirectoryName(PathOf(file))!;

    /// <summary>The folder that a model's folder lies in, with its reference data.</summary>
    private static string Above(string file) => Path.GetDirectoryName(FolderOf(file))!;

    private static Npy Read(string folder, string name) => Npy.Read(Path.Combine(folder, name + ".npy"));

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
}
