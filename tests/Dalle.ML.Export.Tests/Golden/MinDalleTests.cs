using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Runtime.Operators;
using Dalle.ML.Tests;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Bundles of min-dalle's files against what its own code made of them: ids, logits, then greedy tokens, then images.</summary>
[Trait("Category", "Golden")]
public sealed partial class MinDalleTests : IDisposable
{
    private const string Family = "min-dalle";

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Encoders() => GoldenFolder.Files(Family, "encoder.pt", "encoder.safetensors");

    public static IEnumerable<TheoryDataRow<string>> Models() => GoldenFolder.Files(Family, "encoder.pt");

    public static IEnumerable<TheoryDataRow<string>> Grids() => GoldenFolder.Files(Family, "detok_batch4_tokens.npy");

    [Theory]
    [MemberData(nameof(Models))]
    public void Prompts_become_the_reference_ids(string encoder)
    {
        var bundle = Export(encoder);
        var (tokenizer, length) = (new PromptTokenizer(bundle, bundle.Manifest.Text!), bundle.Manifest.Text!.Length);
        foreach (var (text, ids) in Texts(encoder))
            Assert.Equal(ids.Concat(Enumerable.Repeat(1L, length)).Take(length), tokenizer.Encode(text));
        foreach (var prompt in Prompts(encoder))
        {
            Assert.Equal(Ids(prompt, row: 0), tokenizer.Unconditional(TextOf(prompt)));
            Assert.Equal(Ids(prompt, row: 1), tokenizer.Encode(TextOf(prompt)));
        }
    }

    [Theory]
    [MemberData(nameof(Encoders))]
    public void Cached_steps_give_the_reference_logits_and_greedy_tokens(string encoder)
    {
        var bundle = Export(encoder);
        using var model = new Graphs(bundle);
        using var batch = model.Decoder.NewBatch(rows: 2);
        var (codes, guidance) = (bundle.Manifest.Image!.CodebookSize, Config(encoder).GetProperty("supercondition_factor").GetSingle());
        foreach (var prompt in Prompts(encoder))
        {
            var (expected, guided) = (Read(prompt, "logits"), Read(prompt, "logits_supercondition").Floats());
            var tokens = Read(prompt, "image_tokens").Longs();
            for (var row = 0; row < batch.Rows; row++)
            {
                using var prefix = model.Attend(Ids(prompt, row));
                prefix.Prefill([.. model.Decoder.Graph.Start]);
                batch.CopyRow(prefix, from: 0, to: row);
            }
            for (var step = 0; step < tokens.Length; step++)
            {
                if (step > 0)
                {
                    batch.Ids.Fill(tokens[step - 1]);
                    batch.Decode();
                }
                var (unconditional, conditional) = (batch.Logits[..codes].ToArray(), batch.Logits[codes..].ToArray());
                Near.Values(Logits(expected, 0, step, codes), unconditional, $"logits without the prompt at step {step}");
                Near.Values(Logits(expected, 1, step, codes), conditional, $"logits at step {step}");
                Sampler.ApplyGuidance(conditional, unconditional, guidance);
                Near.Values(guided.AsSpan(step * codes, codes), conditional, $"guided logits at step {step}");
                Assert.Equal(tokens[step], conditional.IndexOf(conditional.Max()));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void All_ids_at_once_give_the_reference_logits(string encoder)
    {
        var bundle = Export(encoder);
        using var model = new Graphs(bundle);
        foreach (var prompt in Prompts(encoder).Where(prompt => File.Exists(Path.Combine(prompt, "logits_full_forward.npy"))))
        {
            var (expected, tokens) = (Read(prompt, "logits_full_forward"), Read(prompt, "image_tokens").Longs());
            for (var row = 0; row < expected.Shape[0]; row++)
            {
                using var batch = model.Attend(Ids(prompt, row));
                for (var step = 0; step < tokens.Length; step++)
                {
                    batch.Prefill([.. model.Decoder.Graph.Start, .. tokens[..step]]);
                    Near.Values(Logits(expected, row, step, bundle.Manifest.Image!.CodebookSize), batch.Logits, $"logits after {step} image tokens");
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Prompts_become_the_reference_tokens_and_images(string encoder)
    {
        using var model = DalleModel.Load(Export(encoder).Folder);
        var prompts = Prompts(encoder).ToArray();
        var guidance = Config(encoder).GetProperty("supercondition_factor").GetSingle();
        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1, GuidanceScale = guidance } };
        foreach (var (prompt, image) in prompts.Zip(model.GenerateBatch([.. prompts.Select(prompt => new GenerationRequest(TextOf(prompt), 0))], options)))
            Assert.Equal(Read(prompt, "image_tokens").Longs(), image.Tokens.Select(token => (long)token));
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Tokens_become_the_reference_images(string encoder)
    {
        using var codec = new DiscreteVae(Export(encoder), DalleDevice.Cpu);
        foreach (var prompt in Prompts(encoder))
            AssertSame(Read(prompt, "decoded_image_u8"), codec.Decode(Codes(Read(prompt, "image_tokens").Longs())), top: 0, left: 0);
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void Images_are_those_of_the_reference_grid(string file)
    {
        // A square of images, column by column.
        var encoder = Directory.EnumerateFiles(FolderOf(file), "encoder.pt", SearchOption.AllDirectories).First();
        using var codec = new DiscreteVae(Export(encoder), DalleDevice.Cpu);
        var (tokens, grid) = (Read(FolderOf(file), "detok_batch4_tokens"), Read(FolderOf(file), "detok_batch4_grid_u8"));
        var side = (int)Math.Sqrt(tokens.Shape[0]);
        foreach (var (ids, i) in tokens.Longs().Chunk(tokens.Shape[1]).Select((ids, i) => (ids, i)))
        {
            var image = codec.Decode(Codes(ids));
            AssertSame(grid, image, i % side * image.Height, i / side * image.Width);
        }
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void A_grid_of_tokens_becomes_the_reference_image_without_seams(string file)
    {
        var encoder = Directory.EnumerateFiles(FolderOf(file), "encoder.pt", SearchOption.AllDirectories).First();
        using var codec = new DiscreteVae(Export(encoder), DalleDevice.Cpu);
        var (tokens, sheet) = (Read(FolderOf(file), "detok_batch4_tokens"), Read(FolderOf(file), "detok_batch4_seamless_u8"));
        var (images, side) = (tokens.Longs().Chunk(tokens.Shape[1]).Select(Codes).ToArray(), (int)Math.Sqrt(tokens.Shape[0]));
        // The reference puts images column by column, ours are row by row.
        var decoded = codec.DecodeGrid([.. Enumerable.Range(0, images.Length).Select(i => images[i % side * side + i / side])], side);
        Assert.Equal((sheet.Shape[1], sheet.Shape[0]), (decoded.Width, decoded.Height));
        AssertSame(sheet, decoded, top: 0, left: 0);
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_precision_gives_about_the_same_logits(string encoder)
    {
        var prompt = Prompts(encoder).First();
        var (expected, tokens) = (Read(prompt, "logits"), Read(prompt, "image_tokens").Longs());
        foreach (var (precision, tolerance) in new[] { (Precision.Fp16, 0.01f), (Precision.Int8, 0.2f), (Precision.Int4, 0.8f) })
        {
            using var model = new Graphs(Export(encoder, precision));
            using var batch = model.Attend(Ids(prompt, row: 1));
            batch.Prefill([.. model.Decoder.Graph.Start, .. tokens[..^1]]);
            var error = Distance(Logits(expected, 1, tokens.Length - 1, batch.Logits.Length), batch.Logits);
            Assert.True(error <= tolerance, $"{precision} differs by {error} of the logits' size");
            if (precision == Precision.Fp16)
                Assert.Equal(WeightPanels.IsSupported ? CacheType.Float32 : CacheType.Float16, model.Decoder.Graph.Cache.Type);
        }
    }

    /// <summary>The setting of the number of heads, which no tensor tells.</summary>
    internal static Dictionary<string, string> HeadsOf(string encoder) =>
        new() { ["heads"] = Config(encoder).GetProperty("attention_head_count").GetRawText() };

    /// <summary>The folder of models, or where the encoder is not in its usual format, its files one by one.</summary>
    private Bundle Export(string encoder, Precision precision = Precision.Fp32)
    {
        var output = Path.Combine(_folder.Path, precision.ToString());
        var (folder, format) = (Path.GetDirectoryName(PathOf(encoder))!, Path.GetExtension(encoder));
        string[] files = ["encoder" + format, "decoder" + format, "../vqgan/detoker.pt", "vocab.json", "merges.txt"];
        string[] source = format == ".pt" ? [Path.GetDirectoryName(folder)!] : [.. files.Select(file => Path.Combine(folder, file))];
        BundleExporter.Export(Family, source, output, new ExportOptions { Precision = precision, Settings = HeadsOf(encoder) });
        return Bundle.Open(output);
    }

    private static string PathOf(string file) => Path.Combine(GoldenFolder.Root, file);

    /// <summary>The folder of the whole model: the one with the configuration.</summary>
    private static string FolderOf(string file)
    {
        var folder = Path.GetDirectoryName(PathOf(file))!;
        while (!File.Exists(Path.Combine(folder, "config.json")))
            folder = Path.GetDirectoryName(folder)!;
        return folder;
    }

    private static JsonElement Config(string file) => Json(Path.Combine(FolderOf(file), "config.json"));

    private static JsonElement Json(string path) => JsonDocument.Parse(File.ReadAllBytes(path)).RootElement;

    private static IEnumerable<string> Prompts(string file) =>
        Directory.EnumerateDirectories(FolderOf(file), "prompt*").Order(StringComparer.Ordinal);

    private static IEnumerable<(string Text, long[] Ids)> Texts(string file) => Json(Path.Combine(FolderOf(file), "tokenizer_cases.json"))
        .EnumerateArray()
        .Select(item => (item.GetProperty("text").GetString()!, item.GetProperty("ids").EnumerateArray().Select(id => id.GetInt64()).ToArray()));

    /// <summary>The text that a prompt's ids come from.</summary>
    private static string TextOf(string prompt)
    {
        var ids = Ids(prompt, row: 1);
        return Texts(prompt).First(text => ids.Take(text.Ids.Length).SequenceEqual(text.Ids.Take(ids.Length))).Text;
    }

    /// <summary>The ids of a prompt: row 0 those without it, row 1 its own.</summary>
    private static long[] Ids(string prompt, int row)
    {
        var ids = Read(prompt, "text_tokens");
        return ids.Longs()[(row * ids.Shape[1])..((row + 1) * ids.Shape[1])];
    }

    private static Npy Read(string folder, string name) => Npy.Read(Path.Combine(folder, name + ".npy"));

    private static int[] Codes(long[] tokens) => Array.ConvertAll(tokens, token => (int)token);

    /// <summary>The first logits, those of the codes, of a row and step.</summary>
    private static ReadOnlySpan<float> Logits(Npy all, int row, int step, int codes) =>
        all.Floats().AsSpan((row * all.Shape[1] + step) * all.Shape[2], codes);

    /// <summary>The length of the difference as a part of the length.</summary>
    private static double Distance(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        var (difference, length) = (0d, 0d);
        for (var i = 0; i < expected.Length; i++)
            (difference, length) = (difference + Math.Pow(expected[i] - actual[i], 2), length + Math.Pow(expected[i], 2));
        return Math.Sqrt(difference / length);
    }

    /// <summary>Compares an image to a part of another one, [height, width, 3] in 0..255 and cut to whole numbers, to one grey level.</summary>
    private static void AssertSame(Npy expected, ImageTensor image, int top, int left)
    {
        var worst = 0;
        for (var i = 0; i < image.Values.Length; i++)
        {
            var (channel, y, x) = (i / (image.Width * image.Height), i / image.Width % image.Height, i % image.Width);
            var reference = expected.Data[((top + y) * expected.Shape[1] + left + x) * 3 + channel];
            worst = Math.Max(worst, Math.Abs((int)(image.Values[i] * 255) - reference));
        }
        Assert.True(worst <= 1, $"differs by {worst} grey levels");
    }

    /// <summary>The encoder and the decoder, driven by ids.</summary>
    private sealed class Graphs(Bundle bundle) : IDisposable
    {
        private readonly TextEncoderSession _encoder = new(bundle, bundle.Manifest.TextEncoder!, DalleDevice.Cpu);

        public DecoderSession Decoder { get; } = new(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);

        /// <summary>A sequence that attends to a prompt.</summary>
        public LogitsDecodeBatch Attend(long[] prompt)
        {
            var batch = Decoder.NewBatch(rows: 1);
            _encoder.Run(prompt, batch.Rows, batch.Context);
            return batch;
        }

        public void Dispose()
        {
            Decoder.Dispose();
            _encoder.Dispose();
        }
    }
}
