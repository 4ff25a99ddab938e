using System.Text.Json;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Texts that DALLE-pytorch's generate_texts completed, the images that it made of them, and images that it went on with: ids, logits before each token,
/// the tokens that its noise picks, texts.
/// </summary>
[Trait("Category", "Golden")]
public sealed class DallePytorchTextTests : IDisposable
{
    private const string Family = "dalle-pytorch-text";

    private static readonly (string File, string Where)[] Files =
    [
        (@"README\.md|cases\.json|bpe\.txt|[^/]+/dalle\.pt", "is read by the tests"),
        (@"[^/]+/(no)?prompt\d*_(greedy|sampled).*_logits\.npy|[^/]+/empty_greedy_logits\.npy", nameof(Each_step_has_the_reference_logits)),
        (@"[^/]+/[^/]*prompt\d*_sampled.*_noise\.npy", nameof(The_reference_noise_picks_the_reference_ids)),
        (@"[^/]+/gentxt_.*_codes\.npy", nameof(Completed_texts_become_the_reference_images)),
        (@"[^/]+/prime_(text|image|image_codes)\.npy|[^/]+/prime_.*_(codes|logits|noise|image)\.npy", nameof(Images_go_on_from_the_beginning_of_others)),
    ];

    private readonly TemporaryFolder _folder = new();

    public static IEnumerable<TheoryDataRow<string>> Dalles() => GoldenFolder.Files(Family, "dalle.pt");

    public static IEnumerable<TheoryDataRow<string>> Primed() => GoldenFolder.Files(Family, "prime_image.npy");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_file_is_compared_somewhere_or_has_a_reason()
    {
        var root = GoldenFolder.Of(Family);
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'));
        Assert.All(files, file => Assert.Contains(Files, known => Regex.IsMatch(file, $"^({known.File})$")));
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Prompts_become_the_reference_ids_and_ids_the_reference_texts(string file)
    {
        var bundle = Export(file);
        var tokenizer = new PromptTokenizer(bundle, bundle.Manifest.Text!);
        foreach (var item in Cases(file))
        {
            var ids = tokenizer.EncodeBeginning(item.Text);
            Assert.Equal(item.Prompt, ids.Length > 0 ? ids : bundle.Manifest.TextDecoder!.Empty);
            Assert.Equal(item.Decoded, tokenizer.Decode(item.Ids));
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Each_step_has_the_reference_logits(string file)
    {
        using var text = new TextRun(Export(file));
        foreach (var item in Cases(file).Where(item => item.Steps > 0))
        {
            var logits = Read(file, item.Name + "_logits");
            Assert.Equal([item.Steps, text.Vocabulary], logits.Shape);
            foreach (var (step, (expected, actual)) in logits.Floats().Chunk(text.Vocabulary).Zip(text.Steps(item)).Index())
                Near.Values(expected, actual, $"step {step} of {item.Name}");
        }
    }

    /// <summary>Our random numbers are others; so the filters and temperature are those of our sampler, and the noise that of the reference.</summary>
    [Theory]
    [MemberData(nameof(Dalles))]
    public void The_reference_noise_picks_the_reference_ids(string file)
    {
        var bundle = Export(file);
        using var text = new TextRun(bundle);
        var sampled = Cases(file).Where(item => File.Exists(PathOf(file, item.Name + "_noise.npy"))).ToArray();
        Assert.NotEmpty(sampled);
        foreach (var item in sampled)
        {
            var noise = Read(file, item.Name + "_noise");
            var kept = TopK(item.Threshold, noise.Shape[1]);
            Assert.Equal(item.Kept, kept);
            var sampler = new Sampler(text.Vocabulary, item.Temperature, kept, topP: 1);
            foreach (var (step, (logits, each)) in text.Steps(item).Zip(noise.Floats().Chunk(noise.Shape[1])).Index())
                Assert.Equal(item.Ids[item.Prompt.Length + step], Pick(sampler.Probabilities(logits), each));
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void The_engine_completes_the_reference_texts(string file)
    {
        using var model = DalleModel.Load(Export(file).Folder);
        Assert.True(model.Info.CanCompleteText);
        var greedy = Cases(file).Where(item => item.Kept is 1 || item.Steps == 0).ToArray();
        // Together: texts of several lengths, and some that leave no room.
        var texts = model.CompleteTexts([.. greedy.Select(item => new TextCompletionRequest(item.Text, Seed: 3))], new SamplingOptions { TopK = 1 }).ToArray();
        foreach (var (item, text) in greedy.Zip(texts))
        {
            Assert.Equal(item.Decoded.Trim(), text.Text);
            Assert.Equal(item.Steps, text.NewTokens);
            Assert.Equal(Math.Max(0, item.Ids.Length - model.Info.TextLength), text.CutTokens);
            // What generate_images makes of the ids: a 0 is the padding of its place, and what is too long is cut.
            var padding = model.Info.TextLength;
            Assert.Equal(
                item.Ids.Take(padding).Select((id, place) => id == 0 ? Cases(file).First().Vocabulary - padding + place : id), text.Tokens);
        }
    }

    [Theory]
    [MemberData(nameof(Dalles))]
    public void Completed_texts_become_the_reference_images(string file)
    {
        using var model = DalleModel.Load(Export(file).Folder);
        var greedy = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1 } };
        var names = Directory.EnumerateFiles(FolderOf(file), "gentxt_*_codes.npy").Select(path => Path.GetFileName(path)["gentxt_".Length..^"_codes.npy".Length]).ToArray();
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            var text = model.CompleteText(Cases(file).Single(item => item.Name == name + "_greedy").Text, seed: 0, greedy.Sampling);
            var tokens = model.GenerateTokens([new GenerationRequest(text.Text, Seed: 0) { PromptTokens = text.Tokens }], greedy).Single();
            Assert.Equal(Read(file, $"gentxt_{name}_codes").Longs(), tokens[0].Select(token => (long)token));
        }
    }

    [Theory]
    [MemberData(nameof(Primed))]
    public void Images_go_on_from_the_beginning_of_others(string file)
    {
        var bundle = Export(file);
        var (image, words) = (bundle.Manifest.Image!, bundle.Manifest.Text!.Vocabulary);
        using var vae = new DiscreteVae(bundle, DalleDevice.Cpu);
        using var decoder = new DecoderRun(bundle);
        var tokenizer = new PromptTokenizer(bundle, bundle.Manifest.Text!);
        var (text, pictures) = (Read(file, "prime_text"), Read(file, "prime_image"));
        var codes = pictures.Floats().Chunk(pictures.Floats().Length / pictures.Shape[0])
            .Select(values => vae.Encode(new ImageTensor(pictures.Shape[3], pictures.Shape[2], values))).ToArray();
        Assert.Equal(Read(file, "prime_image_codes").Longs(), codes.SelectMany(row => row).Select(code => (long)code));

        var names = Directory.EnumerateFiles(FolderOf(file), "prime_*_logits.npy").Select(path => Path.GetFileName(path)[..^"_logits.npy".Length]).ToArray();
        Assert.NotEmpty(names);
        foreach (var name in names)
        {
            var (expected, logits) = (Read(file, name + "_codes"), Read(file, name + "_logits"));
            var steps = logits.Shape[1];
            if (name == "prime_default")
                Assert.Equal((int)(0.4375 * image.Tokens), image.Tokens - steps);
            var noise = File.Exists(PathOf(file, name + "_noise.npy")) ? Read(file, name + "_noise") : null;
            var readme = Path.Combine(Path.GetDirectoryName(file)!, name + "_codes.npy").Replace('\\', '/');
            var (threshold, temperature) = (GoldenReadme.Number(readme, "filter_thres"), GoldenReadme.Number(readme, "temperature"));
            var sampler = new Sampler(image.CodebookSize, temperature, TopK(threshold, words + image.CodebookSize), topP: 1);
            for (var row = 0; row < codes.Length; row++)
            {
                var (prompt, tokens) = (Prompt(row), expected.Longs()[(row * image.Tokens)..((row + 1) * image.Tokens)]);
                Assert.Equal(codes[row][..^steps].Select(code => (long)code), tokens[..^steps]);
                var actual = decoder.Steps(prompt, tokens[..^1])[^steps..];
                foreach (var (step, each) in actual.Index())
                {
                    var place = row * steps + step;
                    Near.Values(logits.Floats().AsSpan(place * image.CodebookSize, image.CodebookSize), each, $"{name}, row {row}, step {step}");
                    var random = noise is null ? new float[image.CodebookSize] : noise.Floats().AsSpan(place * noise.Shape[2] + words, image.CodebookSize).ToArray();
                    Assert.Equal(tokens[image.Tokens - steps + step], Pick(sampler.Probabilities(each), random));
                }
            }
            if (File.Exists(PathOf(file, name + "_image.npy")))
            {
                var decoded = expected.Longs().Select(code => (int)code).Chunk(image.Tokens).SelectMany(row => vae.Decode(row).Values).ToArray();
                Near.Pixels(Array.ConvertAll(Read(file, name + "_image").Floats(), value => Math.Clamp(value * 0.5f + 0.5f, 0, 1)), decoded, name);
            }
        }

        long[] Prompt(int row)
        {
            var ids = text.Longs()[(row * text.Shape[1])..((row + 1) * text.Shape[1])];
            return tokenizer.WithPrefix(tokenizer.Fit(ids.Select(id => (int)id)));
        }
    }

    /// <summary>The token that noise picks of probabilities, which are as the logits up to a term that is the same for all.</summary>
    private static int Pick(ReadOnlySpan<float> probabilities, float[] noise)
    {
        var (best, most) = (-1, double.NegativeInfinity);
        for (var token = 0; token < probabilities.Length; token++)
        {
            var value = probabilities[token] > 0 ? Math.Log(probabilities[token]) + noise[token] : double.NegativeInfinity;
            if (value > most)
                (best, most) = (token, value);
        }
        return best;
    }

    /// <summary>How many of all logits, those of text and image, a threshold keeps.</summary>
    private static int TopK(double threshold, int total) => Math.Max((int)((1 - threshold) * total), 1);

    private static Npy Read(string file, string name) => Npy.Read(PathOf(file, name + ".npy"));

    private static string PathOf(string file, string name) => Path.Combine(FolderOf(file), name);

    private static string FolderOf(string file) => Path.Combine(GoldenFolder.Root, Path.GetDirectoryName(file)!);

    private static IEnumerable<Case> Cases(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of(Family), "cases.json")));
        var variant = json.RootElement.GetProperty("variants").GetProperty(Path.GetFileName(Path.GetDirectoryName(file)!));
        foreach (var item in variant.GetProperty("cases").EnumerateObject())
        {
            yield return new Case(
                item.Name, variant.GetProperty("num_text_tokens_total").GetInt32(), item.Value.GetProperty("text").GetString() ?? "", item.Value.GetProperty("filter_thres").GetDouble(),
                item.Value.GetProperty("temperature").GetSingle(), Ids("prompt_ids"), Ids("ids"), item.Value.GetProperty("decoded").GetString()!,
                item.Value.GetProperty("steps").GetInt32(), item.Value.TryGetProperty("kept_by_filter", out var kept) ? kept.GetInt32() : null);

            int[] Ids(string name) => [.. item.Value.GetProperty(name).EnumerateArray().Select(id => id.GetInt32())];
        }
    }

    private Bundle Export(string file)
    {
        var output = Path.Combine(_folder.Path, Path.GetRandomFileName());
        BundleExporter.Export("dalle-pytorch", [PathOf(file, "dalle.pt"), Path.Combine(GoldenFolder.Root, Family, "bpe.txt")], output);
        return Bundle.Open(output);
    }

    private sealed record Case(
        string Name, int Vocabulary, string Text, double Threshold, float Temperature, int[] Prompt, int[] Ids, string Decoded, int Steps, int? Kept);

    /// <summary>A bundle's transformer over the text, driven by ids.</summary>
    private sealed class TextRun(Bundle bundle) : IDisposable
    {
        private readonly DecoderSession _decoder = new(bundle, bundle.Manifest.TextDecoder!.Graph, DalleDevice.Cpu, vocabulary: bundle.Manifest.Text!.Vocabulary);

        public int Vocabulary => bundle.Manifest.Text!.Vocabulary;

        /// <summary>The logits after a prompt and after each id that follows it but the last.</summary>
        public IEnumerable<float[]> Steps(Case item)
        {
            using var batch = _decoder.NewBatch(rows: 1);
            batch.Prefill([.. bundle.Manifest.TextDecoder!.Prefix.Concat(item.Prompt).Select(id => (long)id)]);
            yield return batch.Logits.ToArray();
            foreach (var id in item.Ids[item.Prompt.Length..^1])
            {
                batch.Ids[0] = id;
                batch.Decode();
                yield return batch.Logits.ToArray();
            }
        }

        public void Dispose() => _decoder.Dispose();
    }
}
