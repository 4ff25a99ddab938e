using System.Numerics.Tensors;
using Dalle.ML.Clip;
using Dalle.ML.Generation;
using Dalle.ML.Images;
using Dalle.ML.Models;
using Dalle.ML.Runtime;
using Dalle.ML.Text;
using Dalle.ML.Tests;
using Dalle.ML.Tests.Golden;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Checkpoints of lucidrains/DALLE-pytorch, exported and run by the engine, against what the original gave without its cache: logits first,
/// then greedy tokens, then images.
/// </summary>
[Trait("Category", "Golden")]
public sealed class DallePytorchTests : IDisposable
{
    private const string Family = "dalle-pytorch";
    private const float LogitTolerance = 1e-4f;
    private const float PixelTolerance = 1e-4f;
    private const int FirstCharacter = '一';

    private readonly TemporaryFolder _folder = new();

    public static TheoryDataRow<string>[] Dalles() => Having("dalle.pt");

    public static TheoryDataRow<string>[] Guided() => Having("gen_cond3_intended_codes.npy");

    public static TheoryDataRow<string>[] Primed() => Having("gen_primed_codes.npy");

    public static TheoryDataRow<string>[] Clips() => Having("clip.pt");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Cached_steps_give_the_logits_of_no_cache(string configuration)
    {
        var bundle = Export(configuration);
        var (text, codes, logits) = (Prompts(configuration).Select(Tokenizer(bundle).Encode).ToArray(), Longs(configuration, "gen_plain_codes"), Floats(configuration, "gen_plain_logits"));
        var image = bundle.Manifest.Image!;
        using var decoder = Decoder(bundle);
        using var batch = decoder.NewBatch(text.Length);
        batch.Prefill([.. text.SelectMany(ids => ids)]);
        for (var step = 0; ; step++)
        {
            for (var row = 0; row < text.Length; row++)
            {
                var expected = logits.AsSpan((row * image.Tokens + step) * image.Vocabulary, image.Vocabulary);
                AssertClose(expected, batch.Logits.Slice(row * image.Vocabulary, image.Vocabulary), $"step {step}, row {row}");
                batch.Ids[row] = decoder.Graph.ImageIdOffset + codes[row * image.Tokens + step];
            }
            if (step == image.Tokens - 1)
                break;
            batch.Step();
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void A_prefill_of_text_and_image_gives_the_logits_of_each_place(string configuration)
    {
        var bundle = Export(configuration);
        var (text, codes, logits) = (Prompts(configuration).Select(Tokenizer(bundle).Encode).ToArray(), Longs(configuration, "image_codes"), Floats(configuration, "forward_logits"));
        var image = bundle.Manifest.Image!;
        var textLength = bundle.Manifest.Text!.Length;
        var total = bundle.Manifest.Text.Vocabulary + image.Vocabulary;
        using var decoder = Decoder(bundle);
        using var batch = decoder.NewBatch(text.Length);
        // All of a row, one more than a row, and nearly none.
        foreach (var given in new[] { 0, 1, image.Columns, image.Columns + 1, image.Tokens - 1 })
        {
            var ids = text.SelectMany((prompt, row) => prompt.Concat(codes.Skip(row * image.Tokens).Take(given).Select(code => decoder.Graph.ImageIdOffset + code)));
            batch.Prefill([.. ids]);
            for (var row = 0; row < text.Length; row++)
            {
                var all = logits.AsSpan((row * (textLength + image.Tokens) + textLength + given) * total, total);
                AssertClose(all[bundle.Manifest.Text.Vocabulary..], batch.Logits.Slice(row * image.Vocabulary, image.Vocabulary), $"{given} tokens, row {row}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Greedy_tokens_and_their_images_are_the_original_ones(string configuration)
    {
        var bundle = Export(configuration);
        var expected = Longs(configuration, "gen_plain_codes");
        Assert.Equal(expected, Generate(bundle, configuration, guidance: 1));

        using var codec = new ImageCodec(bundle, DalleDevice.Cpu);
        AssertImages(bundle, codec, expected, Floats(configuration, "gen_plain_image"));
    }

    [Theory]
    [MemberData(nameof(Guided))]
    public void Guidance_gives_the_intended_tokens(string configuration) =>
        Assert.Equal(Longs(configuration, "gen_cond3_intended_codes"), Generate(Export(configuration), configuration, guidance: 3));

    [Theory]
    [MemberData(nameof(Primed))]
    public void The_rest_of_an_image_is_drawn_from_its_beginning(string configuration)
    {
        var bundle = Export(configuration);
        using var codec = new ImageCodec(bundle, DalleDevice.Cpu);
        var image = bundle.Manifest.Image!;
        var drawn = Npy.Read(PathOf(configuration, "gen_primed_logits.npy")).Shape[1];
        var kept = Images(configuration, "vae_image").Select(codec.Encode).ToArray();
        foreach (var codes in kept)
            Array.Fill(codes, -1, image.Tokens - drawn, drawn);
        Assert.Equal(Longs(configuration, "gen_primed_codes"), Generate(bundle, configuration, guidance: 1, kept));
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void The_autoencoder_gives_the_original_codes_and_images_also_on_its_own(string configuration)
    {
        foreach (var bundle in new[] { Export(configuration), ExportFiles(PathOf(configuration, "vae.pt")) })
        {
            using var codec = new ImageCodec(bundle, DalleDevice.Cpu);
            var codes = Longs(configuration, "vae_codes");
            Assert.Equal(codes, Images(configuration, "vae_image").SelectMany(codec.Encode).Select(code => (long)code));
            AssertImages(bundle, codec, codes, Floats(configuration, "vae_recon"));
        }
    }

    [Theory]
    [MemberData(nameof(Clips))]
    public void Clip_gives_the_original_scores_alone_and_as_a_ranker(string configuration)
    {
        var (clip, words) = (PathOf(configuration, "clip.pt"), Words(configuration));
        foreach (var bundle in new[] { ExportFiles(clip, words), ExportFiles(PathOf(Dalles()[0].Data, "dalle.pt"), words, clip) })
        {
            using var ranker = new ClipRanker(bundle, bundle.Manifest.Clip!, DalleDevice.Cpu);
            var scores = Prompts(configuration).Zip(Images(configuration, "image"), (prompt, image) => ranker.Score(ranker.EmbedText(prompt), ranker.EmbedImage(image)));
            AssertClose(Floats(configuration, "scores_nomask"), scores.ToArray(), configuration);
        }
    }

    /// <summary>The folders of the family that have a file, wherever below it they lie.</summary>
    private static TheoryDataRow<string>[] Having(string file)
    {
        var family = Path.Combine(GoldenFolder.Root ?? "", Family);
        var files = GoldenFolder.Root is null || !Directory.Exists(family) ? [] : Directory.GetFiles(family, file, SearchOption.AllDirectories);
        return files.Length == 0
            ? [new TheoryDataRow<string>(Family) { Skip = $"There is no golden '{file}' of {Family}: set DALLE_GOLDEN." }]
            : [.. files.Order().Select(found => new TheoryDataRow<string>(Path.GetRelativePath(GoldenFolder.Root!, Path.GetDirectoryName(found)!)))];
    }

    private static string PathOf(string configuration, string file) => Path.Combine(GoldenFolder.Root!, configuration, file);

    private static float[] Floats(string configuration, string name) => Npy.Read(PathOf(configuration, name + ".npy")).Floats();

    private static long[] Longs(string configuration, string name) => Npy.Read(PathOf(configuration, name + ".npy")).Longs();

    private static IEnumerable<PixelPlanes> Images(string configuration, string name)
    {
        var npy = Npy.Read(PathOf(configuration, name + ".npy"));
        return npy.Floats().Chunk(npy.Shape[1] * npy.Shape[2] * npy.Shape[3]).Select(values => new PixelPlanes(npy.Shape[3], npy.Shape[2], values));
    }

    /// <summary>Prompts of the reference's ids, each written as the character that <see cref="Words"/> knows it by, without padding.</summary>
    private static string[] Prompts(string configuration)
    {
        var text = Npy.Read(PathOf(configuration, "text.npy"));
        return [.. text.Longs().Chunk(text.Shape[1]).Select(ids => string.Join(' ', ids.AsSpan().TrimEnd(0).ToArray().Select(id => (char)(FirstCharacter + id))))];
    }

    private static PromptTokenizer Tokenizer(Bundle bundle) => new(bundle, bundle.Manifest.Text!);

    private static IEnumerable<long> Generate(Bundle bundle, string configuration, float guidance, int[][]? kept = null)
    {
        using var model = DalleModel.Load(bundle.Folder);
        var requests = Prompts(configuration).Select((prompt, row) => new GenerationRequest(prompt, Seed: 0) { Kept = kept?[row] }).ToArray();
        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1, GuidanceScale = guidance } };
        foreach (var image in model.Generate(requests, options, cancellationToken: TestContext.Current.CancellationToken))
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
    private static void AssertImages(Bundle bundle, ImageCodec codec, long[] codes, float[] original)
    {
        var drawn = codes.Select(code => (int)code).Chunk(bundle.Manifest.Image!.Tokens).SelectMany(image => codec.Decode(image).Values).ToArray();
        Assert.Equal(original.Length, drawn.Length);
        Assert.All(original.Zip(drawn), pair => Assert.Equal(Math.Clamp(pair.First * 0.5f + 0.5f, 0, 1), pair.Second, PixelTolerance));
    }

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string where)
    {
        Assert.Equal(expected.Length, actual.Length);
        var scale = MathF.Abs(TensorPrimitives.MaxMagnitude(expected));
        for (var i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= LogitTolerance * scale, $"{where}: {actual[i]} at {i} where {expected[i]} is due.");
    }

    private Bundle Export(string configuration) => ExportFiles(PathOf(configuration, "dalle.pt"), Words(configuration));

    private Bundle ExportFiles(params string[] files)
    {
        var output = Path.Combine(_folder.Path, Path.GetRandomFileName());
        BundleExporter.Export(Family, files, output);
        return Bundle.Open(output);
    }

    /// <summary>A YouTokenToMe model with a word of one character for each id of the reference's texts.</summary>
    private string Words(string configuration)
    {
        const int WordStart = '▁';
        var count = (int)Longs(configuration, "text").Max() + 1;
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
