using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Bundles of ru-dALLE's files against what its own code made of them: masks, ids, logits, then greedy tokens, then images. Transformers,
/// VQGANs and the tokenizer are of different small sizes: where two do not fit, copies with other numbers of rows do.
/// </summary>
[Trait("Category", "Golden")]
public sealed partial class RuDalleTests : IDisposable
{
    private const string Family = "ru-dalle";
    private static readonly string[] VqganFiles = ["vqgan.ckpt", "vqgan.safetensors"];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Transformers() => GoldenFolder.Files(Family, "pytorch_model.bin", "model.safetensors");

    public static IEnumerable<TheoryDataRow<string>> Vqgans() => GoldenFolder.Files(Family, VqganFiles);

    public static IEnumerable<TheoryDataRow<string>> Masks() => GoldenFolder.Files(Family, "mask_row.npy");

    public static IEnumerable<TheoryDataRow<string>> Tokenizers() => GoldenFolder.Files(Family, "cases.json");

    [Theory]
    [MemberData(nameof(Masks))]
    public void Layers_see_what_the_reference_masks_show(string file)
    {
        var config = Config(file);
        var (text, side) = (config.GetProperty("text_seq_length").GetInt32(), config.GetProperty("image_tokens_per_dim").GetInt32());
        var sparsity = new SparseAttention(text, side) { IsToroidal = config.GetProperty("hf_version").GetString() == "v2" };
        foreach (var (pattern, name) in new[] { (SparsePattern.Row, "row"), (SparsePattern.Column, "col"), (SparsePattern.Convolutional, "conv") })
        {
            var (mask, size) = (Read(file, $"mask_{name}"), text + side * side);
            for (var (query, key) = (0, 0); query < size; (query, key) = key == query ? (query + 1, 0) : (query, key + 1))
                Assert.True(mask.Data[query * size + key] != 0 == sparsity.Sees(pattern, query, key), $"{name}: {query} to {key}");

            var layers = config.GetProperty("layer_masks").EnumerateArray().Select(layer => layer.GetString()).ToArray();
            var actual = layers.Select((_, layer) => SparseAttention.PatternOf(layer, layers.Length) == pattern);
            Assert.Equal(layers.Select(layer => layer == name), actual);
        }
    }

    [Theory]
    [MemberData(nameof(Transformers))]
    public void Every_position_has_the_reference_logits(string file)
    {
        var bundle = Export(PathOf(file));
        using var decoder = new DecoderRun(bundle);
        var (ids, logits) = (Read(file, "forward_input_ids"), Read(file, "forward_logits"));
        var (text, codes) = (bundle.Manifest.Text!, bundle.Manifest.Image!.CodebookSize);
        foreach (var (row, i) in ids.Longs().Chunk(ids.Shape[1]).Select((row, i) => (row, i)))
        {
            var (prompt, image) = (Prompt(text, row[..text.Length]), row[text.Length..(logits.Shape[1] - text.Prefix.Length)]);
            var expected = logits.Floats().Chunk(logits.Shape[2]).Skip(i * logits.Shape[1] + prompt.Length - 1)
                .Select(all => all[^codes..]).ToArray();
            var actual = decoder.Steps(prompt, image);
            for (var position = 0; position < actual.Length; position++)
                Near.Values(expected[position], actual[position], $"logits after {position} image tokens");
            Near.Values(actual[^1], decoder.AtOnce(prompt, image), "logits with and without the cache");
        }
    }

    [Theory]
    [MemberData(nameof(Transformers))]
    public void The_text_has_the_reference_logits_and_loss(string file)
    {
        var bundle = Export(PathOf(file));
        var (ids, logits, text) = (Read(file, "forward_input_ids"), Read(file, "forward_logits"), bundle.Manifest.Text!);
        var losses = new List<double>();
        foreach (var (i, row) in ids.Longs().Chunk(ids.Shape[1]).Index())
        {
            var prompt = Prompt(text, row[..text.Length]);
            var (expected, actual) = (logits.Floats().Chunk(logits.Shape[2]).Skip(i * logits.Shape[1]), TextLogits.Of(bundle, prompt));
            foreach (var (place, (all, each)) in expected.Zip(actual).Index())
                Near.Values(all.AsSpan(0, text.Vocabulary), each, $"logits after {place + 1} ids");
            // Without an id before the text, its code has the last place predict the first image token as if that were an id of the text.
            losses.Add(TextLogits.Loss(actual, text.Prefix.Length > 0 ? prompt : [.. prompt, row[text.Length]]));
        }
        Assert.Equal(Read(file, "forward_loss").Floats()[1], losses.Average(), tolerance: 1e-3);
    }

    [Theory]
    [MemberData(nameof(Transformers))]
    public void Greedy_steps_give_the_reference_logits_and_codes(string file)
    {
        var bundle = Export(PathOf(file));
        using var decoder = new DecoderRun(bundle);
        var names = Directory.EnumerateFiles(FolderOf(file), "gen*_text_ids.npy")
            .Select(path => Path.GetFileName(path).Split('_')[0]).Order().ToArray();
        Assert.NotEmpty(names);
        var prompts = names.Select(name => Prompt(bundle.Manifest.Text!, Read(file, $"{name}_text_ids").Longs())).ToArray();
        var codes = names.Select(name => Read(file, $"{name}_codes").Longs()).ToArray();
        foreach (var (name, i) in names.Select((name, i) => (name, i)))
        {
            var expected = Read(file, $"{name}_logits_cached").Floats().Chunk(bundle.Manifest.Image!.CodebookSize).ToArray();
            var actual = decoder.Steps(prompts[i], codes[i][..^1]);
            for (var step = 0; step < expected.Length; step++)
                Near.Values(expected[step], actual[step], $"logits of step {step} of {name}");
        }
        Assert.Equal(codes, decoder.Greedy(prompts));
    }

    /// <summary>
    /// ru-dALLE's score of a generated image is its perplexity, the mean of 1 / p of its tokens but the first. Of a v2 file its code, which expects the places
    /// of v3, compares each place with the token of the next: its number is that of the reference's logits so compared, and ours is that of the logits.
    /// </summary>
    [Theory]
    [MemberData(nameof(Transformers))]
    public void Probabilities_of_given_tokens_are_the_references(string file)
    {
        var bundle = Export(PathOf(file));
        using var decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        var names = Directory.EnumerateFiles(FolderOf(file), "gen*_text_ids.npy").Select(path => Path.GetFileName(path).Split('_')[0]).Order().ToArray();
        var sequences = names.Select(name => (
            Prompt(bundle.Manifest.Text!, Read(file, $"{name}_text_ids").Longs()),
            (IReadOnlyList<int>)Array.ConvertAll(Read(file, $"{name}_codes").Longs(), code => (int)code))).ToArray();
        var together = new TokenLikelihood(decoder, textEncoder: null, bundle.Manifest.Image!).LogProbabilities(sequences, CancellationToken.None).ToArray();
        foreach (var (name, sequence, probabilities) in names.Zip(sequences, together))
        {
            var logits = Read(file, $"{name}_logits").Floats().Chunk(bundle.Manifest.Image!.CodebookSize).ToArray();
            foreach (var (position, (step, token)) in logits.Zip(sequence.Item2).Index())
                Assert.Equal(LogProbability(step, token), probabilities[position], tolerance: 1e-3);
            var perplexity = Read(file, $"{name}_ppl").Floats().Single();
            var expected = Config(file).GetProperty("hf_version").GetString() == "v2"
                ? ImagePerplexity.Of([0, .. logits.SkipLast(1).Zip(sequence.Item2.Skip(1), LogProbability)])
                : ImagePerplexity.Of(probabilities);
            Assert.Equal(perplexity, expected, tolerance: 1e-3f * perplexity);
        }

        static double LogProbability(float[] logits, int token) => logits[token] - Math.Log(logits.Sum(logit => Math.Exp(logit)));
    }

    [Theory]
    [MemberData(nameof(Vqgans))]
    public void Images_become_the_reference_codes_and_codes_the_reference_images(string file)
    {
        var ddconfig = Config(file).GetProperty("ddconfig");
        var grid = ddconfig.GetProperty("resolution").GetInt32() >> (ddconfig.GetProperty("ch_mult").GetArrayLength() - 1);
        using var codec = new DiscreteVae(Export(Transformer(Config(file).GetProperty("n_embed").GetInt32(), grid), PathOf(file)), DalleDevice.Cpu);

        var (images, codes) = (Read(file, "image_u8"), Read(file, "encode_codes"));
        foreach (var (image, i) in images.Data.Chunk(images.Data.Length / images.Shape[0]).Select((image, i) => (image, i)))
        {
            var (height, width) = (images.Shape[1], images.Shape[2]);
            var planes = Enumerable.Range(0, image.Length).Select(j => image[j % (height * width) * 3 + j / (height * width)] / 255f);
            var actual = codec.Encode(new ImageTensor(width, height, [.. planes])).Select(code => (long)code);
            Assert.Equal(codes.Longs().Chunk(codes.Shape[1]).ElementAt(i), actual);
        }
        AssertDecoded(codes, Read(file, "recon_image"));
        AssertDecoded(Read(file, "decode_codes"), Read(file, "decode_image"));

        void AssertDecoded(Npy codes, Npy images)
        {
            foreach (var (row, image) in codes.Longs().Chunk(codes.Shape[1]).Zip(images.Floats().Chunk(images.Floats().Length / images.Shape[0])))
                Near.Pixels(image, codec.Decode(Array.ConvertAll(row, code => (int)code)).Values, "images");
        }
    }

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void Prompts_become_the_reference_ids(string file)
    {
        // Ids of the tokenizer, and as many of padding as the cases are long.
        var cases = Json(PathOf(file)).EnumerateArray().ToArray();
        var length = cases[0].GetProperty("prepared32").GetArrayLength();
        var words = Json(Path.Combine(FolderOf(file), "vocab.json")).GetArrayLength();
        var bundle = Export(Transformer(textLength: length, textIds: words + length), tokenizer: Path.Combine(FolderOf(file), "bpe.model"));
        var tokenizer = new PromptTokenizer(bundle, bundle.Manifest.Text!);
        foreach (var (text, ids) in cases.Select(item => (item.GetProperty("text").GetString()!, item.GetProperty("prepared32"))))
        {
            // ru-dALLE's pipeline writes prompts in lower case first; the cases were not.
            if (!text.Any(char.IsUpper))
                Assert.Equal(Prompt(bundle.Manifest.Text!, [.. ids.EnumerateArray().Select(id => id.GetInt64())]), tokenizer.Encode(text));
        }
        Assert.Equal(tokenizer.Encode("кот"), tokenizer.Encode("  КОТ\n"));
    }

    [Theory]
    [MemberData(nameof(Transformers))]
    public void Every_precision_draws_an_image(string file)
    {
        foreach (var precision in Enum.GetValues<Precision>())
        {
            using var model = DalleModel.Load(Export(PathOf(file), precision: precision).Folder);
            using var image = model.Generate("", seed: 1);
            Assert.Equal(model.Info.ImageWidth, image.Image.Width);
            Assert.True(image.Tokens.Distinct().Count() > 1);
        }
    }

    /// <summary>Exports a transformer with a VQGAN and a tokenizer, by default the first that there are.</summary>
    private Bundle Export(string transformer, string? vqgan = null, string? tokenizer = null, Precision precision = Precision.Fp32)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        string[] files = [transformer, vqgan ?? VqganFor(transformer), tokenizer ?? First("bpe.model")];
        BundleExporter.Export(Family, files, output, new() { Precision = precision });
        return Bundle.Open(output);
    }

    private string VqganFor(string transformer)
    {
        using var weights = Checkpoint.Open(transformer);
        using var vqgan = Checkpoint.Open(First(VqganFiles));
        var codes = weights.Shape("image_embeddings.weight")[0];
        return vqgan.FindSubtree("quantize.embed.weight").Shape("quantize.embed.weight")[0] == codes
            ? First(VqganFiles)
            : Copy(First(VqganFiles), (name, tensor) => name.Contains("quantize.", StringComparison.Ordinal) ? tensor.WithRows(codes) : tensor);
    }

    /// <summary>The first transformer with other sizes.</summary>
    private string Transformer(int? codes = null, int? grid = null, int? textLength = null, int? textIds = null)
    {
        var source = First("pytorch_model.bin", "model.safetensors");
        using var weights = Checkpoint.Open(source);
        int Rows(string name) => weights.Shape(name)[0];
        var (image, text) = (codes ?? Rows("image_embeddings.weight"), textIds ?? Rows("text_embeddings.weight"));
        return Copy(source, (name, tensor) => name switch
        {
            "text_embeddings.weight" => tensor.WithRows(text),
            "text_pos_embeddings.weight" => tensor.WithRows((textLength ?? Rows(name) - 1) + 1),
            "image_embeddings.weight" => tensor.WithRows(image),
            "image_row_embeddings.weight" or "image_col_embeddings.weight" => tensor.WithRows(grid ?? Rows(name)),
            "to_logits.1.weight" or "to_logits.1.bias" => tensor.WithRows(text + image),
            _ => name.EndsWith("_mask", StringComparison.Ordinal) ? null : tensor,
        });
    }

    private string Copy(string source, Func<string, Tensor, Tensor?> change)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder.Path, Guid.NewGuid().ToString("N"))).FullName;
        File.Copy(Path.Combine(Path.GetDirectoryName(source)!, "config.json"), Path.Combine(folder, "config.json"));
        return SafetensorsWriter.Copy(source, Path.Combine(folder, "copy.safetensors"), change);
    }

    /// <summary>The ids of the stream for those of the reference, whose padding is 0.</summary>
    private static long[] Prompt(TextFormat text, long[] ids) =>
        [.. text.Prefix.Select(id => (long)id), .. ids.Select((id, i) => id == 0 ? text.PaddingId + i : id)];

    private static string PathOf(string file) => Path.Combine(GoldenFolder.Root, file);

    private static string FolderOf(string file) => Path.GetDirectoryName(PathOf(file))!;

    private static string First(params string[] names) => PathOf(GoldenFolder.Files(Family, names).First().Data);

    private static Npy Read(string file, string name) => Npy.Read(Path.Combine(FolderOf(file), name + ".npy"));

    private static JsonElement Config(string file) => Json(Path.Combine(FolderOf(file), "config.json"));

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;
}
