using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Checkpoints of lucidrains/DALLE-pytorch, exported and run by the engine, against what the original gave without its cache: logits first,
/// then greedy tokens, then images.
/// </summary>
[Trait("Category", "Golden")]
public sealed partial class DallePytorchTests : IDisposable
{
    private const string Family = "dalle-pytorch";
    private const float PixelTolerance = 1e-4f;
    private const int FirstCharacter = '一';

    private readonly TemporaryFolder _folder = new();

    public static IEnumerable<TheoryDataRow<string>> Dalles() => GoldenFolder.Files(Family, "dalle.pt");

    public static IEnumerable<TheoryDataRow<string>> Guided() => GoldenFolder.Files(Family, "gen_cond3_intended_codes.npy");

    public static IEnumerable<TheoryDataRow<string>> Primed() => GoldenFolder.Files(Family, "gen_primed_codes.npy");

    public static IEnumerable<TheoryDataRow<string>> Clips() => GoldenFolder.Files(Family, "clip.pt");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Cached_steps_give_the_logits_of_no_cache(string reference)
    {
        var bundle = Export(reference);
        var (text, codes, logits) = (Prompts(reference).Select(Tokenizer(bundle).Encode).ToArray(), Longs(reference, "gen_plain_codes"), Floats(reference, "gen_plain_logits"));
        var image = bundle.Manifest.Image!;
        using var decoder = Decoder(bundle);
        using var batch = decoder.NewBatch(text.Length);
        batch.Prefill([.. text.SelectMany(ids => ids)]);
        for (var step = 0; ; step++)
        {
            for (var row = 0; row < text.Length; row++)
            {
                var expected = logits.AsSpan((row * image.Tokens + step) * image.CodebookSize, image.CodebookSize);
                Near.Values(expected, batch.Logits.Slice(row * image.CodebookSize, image.CodebookSize), $"step {step}, row {row}");
                batch.Ids[row] = decoder.Graph.ImageIdOffset + codes[row * image.Tokens + step];
            }
            if (step == image.Tokens - 1)
                break;
            batch.Decode();
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void A_prefill_of_text_and_image_gives_the_logits_of_each_place(string reference)
    {
        var bundle = Export(reference);
        var (text, codes, logits) = (Prompts(reference).Select(Tokenizer(bundle).Encode).ToArray(), Longs(reference, "image_codes"), Floats(reference, "forward_logits"));
        var image = bundle.Manifest.Image!;
        var textLength = bundle.Manifest.Text!.Length;
        var total = bundle.Manifest.Text.Vocabulary + image.CodebookSize;
        using var decoder = Decoder(bundle);
        using var batch = decoder.NewBatch(text.Length);
        // None, one, a row, one more, and all that are ever run.
        foreach (var given in new[] { 0, 1, image.Columns, image.Columns + 1, image.Tokens - 1 })
        {
            var ids = text.SelectMany((prompt, row) => prompt.Concat(codes.Skip(row * image.Tokens).Take(given).Select(code => decoder.Graph.ImageIdOffset + code)));
            batch.Prefill([.. ids]);
            for (var row = 0; row < text.Length; row++)
            {
                var all = logits.AsSpan((row * (textLength + image.Tokens) + textLength + given) * total, total);
                Near.Values(all[bundle.Manifest.Text.Vocabulary..], batch.Logits.Slice(row * image.CodebookSize, image.CodebookSize), $"{given} tokens, row {row}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void The_text_has_the_original_logits_and_its_part_of_the_loss(string reference)
    {
        const int ImageWeight = 7;
        var bundle = Export(reference);
        var (text, image) = (bundle.Manifest.Text!, bundle.Manifest.Image!);
        var (codes, logits) = (Longs(reference, "image_codes"), Floats(reference, "forward_logits"));
        var (places, total) = (text.Length + image.Tokens, text.Vocabulary + image.CodebookSize);
        var prompts = Prompts(reference);
        var losses = new List<(double Text, double Image)>();
        using var model = DalleModel.Load(bundle.Folder);
        foreach (var (row, prompt) in prompts.Index())
        {
            var ids = Tokenizer(bundle).Encode(prompt);
            var actual = TextLogits.Of(bundle, ids);
            for (var place = 0; place < text.Length; place++)
                Near.Values(logits.AsSpan((row * places + place) * total, text.Vocabulary), actual[place], $"place {place}, row {row}");
            var probabilities = model.TextLogProbabilities(prompt, TestContext.Current.CancellationToken);
            Assert.Equal(text.Length, probabilities.Count);
            Assert.Equal(TextLogits.Loss(actual, ids), -probabilities.Average(), tolerance: 1e-4);
            var known = codes[(row * image.Tokens)..((row + 1) * image.Tokens)].Select(code => (int)code).ToArray();
            losses.Add((-probabilities.Average(), -model.LogProbabilities([new(prompt, Seed: 0) { KnownTokens = known }], TestContext.Current.CancellationToken).Single().Average()));
        }
        Assert.Equal(Floats(reference, "forward_loss")[0], (losses.Average(loss => loss.Text) + ImageWeight * losses.Average(loss => loss.Image)) / (1 + ImageWeight), tolerance: 1e-3);
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Greedy_tokens_and_their_images_are_the_original_ones(string reference)
    {
        var bundle = Export(reference);
        var expected = Longs(reference, "gen_plain_codes");
        Assert.Equal(expected, Generate(bundle, reference, guidance: 1));

        using var codec = new DiscreteVae(bundle, DalleDevice.Cpu);
        AssertImages(bundle, codec, expected, Floats(reference, "gen_plain_image"));
    }

    [Theory]
    [MemberData(nameof(Guided))]
    public void Guidance_gives_the_intended_tokens(string reference) =>
        Assert.Equal(Longs(reference, "gen_cond3_intended_codes"), Generate(Export(reference), reference, guidance: 3));

    [Theory]
    [MemberData(nameof(Primed))]
    public void The_rest_of_an_image_is_generated_from_its_beginning(string reference)
    {
        var bundle = Export(reference);
        using var codec = new DiscreteVae(bundle, DalleDevice.Cpu);
        var image = bundle.Manifest.Image!;
        var generated = Npy.Read(PathOf(reference, "gen_primed_logits.npy")).Shape[1];
        var kept = Images(reference, "vae_image").Select(codec.Encode).ToArray();
        foreach (var codes in kept)
            Array.Fill(codes, -1, image.Tokens - generated, generated);
        Assert.Equal(Longs(reference, "gen_primed_codes"), Generate(bundle, reference, guidance: 1, kept));
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void The_autoencoder_gives_the_original_codes_and_images_also_on_its_own(string reference)
    {
        foreach (var bundle in new[] { Export(reference), ExportFiles(PathOf(reference, "vae.pt")) })
        {
            using var codec = new DiscreteVae(bundle, DalleDevice.Cpu);
            var codes = Longs(reference, "vae_codes");
            Assert.Equal(codes, Images(reference, "vae_image").SelectMany(codec.Encode).Select(code => (long)code));
            AssertImages(bundle, codec, codes, Floats(reference, "vae_recon"));
        }
    }

    [Theory]
    [MemberData(nameof(Clips))]
    public void Clip_gives_the_original_scores_alone_and_as_a_ranker(string reference)
    {
        var (clip, words) = (PathOf(reference, "clip.pt"), Words(reference));
        foreach (var bundle in new[] { ExportFiles(clip, words), ExportFiles(PathOf(Dalles().First().Data, "dalle.pt"), words, clip) })
        {
            using var ranker = new ClipModel(bundle, bundle.Manifest.Clip!, DalleDevice.Cpu);
            var scores = Prompts(reference).Zip(Images(reference, "image"), (prompt, image) => ranker.Score(ranker.EmbedText(prompt), ranker.EmbedImage(image)));
            Near.Values(Floats(reference, "scores_nomask"), scores.ToArray(), reference);
        }
    }

    /// <summary>A file beside one of the reference's.</summary>
    private static string PathOf(string reference, string file) => Path.Combine(GoldenFolder.Root, Path.GetDirectoryName(reference)!, file);

    private static float[] Floats(string reference, string name) => Npy.Read(PathOf(reference, name + ".npy")).Floats();

    private static long[] Longs(string reference, string name) => Npy.Read(PathOf(reference, name + ".npy")).Longs();

    private static IEnumerable<ImageTensor> Images(string reference, string name)
    {
        var npy = Npy.Read(PathOf(reference, name + ".npy"));
        return npy.Floats().Chunk(npy.Shape[1] * npy.Shape[2] * npy.Shape[3]).Select(values => new ImageTensor(npy.Shape[3], npy.Shape[2], values));
    }

    /// <summary>Prompts of the reference's ids, each written as the character that <see cref="Words"/> knows it by, without padding.</summary>
    private static string[] Prompts(string reference)
    {
        var text = Npy.Read(PathOf(reference, "text.npy"));
        return [.. text.Longs().Chunk(text.Shape[1]).Select(ids => string.Join(' ', ids.AsSpan().TrimEnd(0).ToArray().Select(id => (char)(FirstCharacter + id))))];
    }

    private static PromptTokenizer Tokenizer(Bundle bundle) => new(bundle, bundle.Manifest.Text!);

    private static IEnumerable<long> Generate(Bundle bundle, string reference, float guidance, int[][]? kept = null)
    {
        using var model = DalleModel.Load(bundle.Folder);
        var requests = Prompts(reference).Select((prompt, row) => new GenerationRequest(prompt, Seed: 0) { KnownTokens = kept?[row] }).ToArray();
        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1, GuidanceScale = guidance } };
        foreach (var image in model.GenerateBatch(requests, options, cancellationToken: TestContext.Current.CancellationToken))
        {
            using (image)
            {
                foreach (var token in image.Tokens)
                    yield return token;
            }
        }
    }

    private static DecoderSession Decoder(Bundle bundle) => new(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);

    /// <summary>The original leaves images between −1 and 1 or so, as the autoencoder was trained; the bundle's are in 0..1.</summary>
    private static void AssertImages(Bundle bundle, DiscreteVae codec, long[] codes, float[] original)
    {
        var generated = codes.Select(code => (int)code).Chunk(bundle.Manifest.Image!.Tokens).SelectMany(image => codec.Decode(image).Values).ToArray();
        Assert.Equal(original.Length, generated.Length);
        Assert.All(original.Zip(generated), pair => Assert.Equal(Math.Clamp(pair.First * 0.5f + 0.5f, 0, 1), pair.Second, PixelTolerance));
    }

    private Bundle Export(string reference) => ExportFiles(PathOf(reference, "dalle.pt"), Words(reference));

    private Bundle ExportFiles(params string[] files)
    {
        var output = Path.Combine(_folder.Path, Path.GetRandomFileName());
        BundleExporter.Export(Family, files, output);
        return Bundle.Open(output);
    }

    /// <summary>A YouTokenToMe model with a word of one character for each id of the reference's texts.</summary>
    private string Words(string reference)
    {
        const int WordStart = '▁';
        var count = (int)Longs(reference, "text").Max() + 1;
        var ids = Enumerable.Range(0, count).ToArray();
        string[] lines =
        [
            $"{count + 1} {count}",
            $"{WordStart} {count}",
            .. ids.Select(id => $"{FirstCharacter + id} {count + 1 + id}"),
            .. ids.Select(id => $"{count} {count + 1 + id} {id}"),
            "1 0 2 3",
        ];
        var path = Path.Combine(_folder.Path, "bpe.model");
        File.WriteAllLines(path, lines);
        return path;
    }
}
