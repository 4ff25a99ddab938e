using System.Text.Json;
using Dalle.ML.Generation;
using Dalle.ML.Images;
using Dalle.ML.Models;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Dalle.ML.Tests.Golden;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Bundles of min-dalle's files against what its own code made of them: logits, then greedy tokens, then images.</summary>
[Trait("Category", "Golden")]
public sealed class MinDalleTests : IDisposable
{
    private const float LogitTolerance = 1e-4f;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string, string>> Checkpoints() =>
        Folders().SelectMany(folder => folder.Skip is null
            ? new[] { ".pt", ".safetensors" }.Where(format => Find(folder.Data, "encoder" + format) is not null)
                .Select(format => new TheoryDataRow<string, string>(folder.Data, format))
            : [new TheoryDataRow<string, string>(folder.Data, "") { Skip = folder.Skip }]);

    public static IEnumerable<TheoryDataRow<string>> Folders() => GoldenFolder.Root is not { } root
        ? [new TheoryDataRow<string>("min-dalle") { Skip = "There is no golden folder: set DALLE_GOLDEN." }]
        : Directory.EnumerateFiles(Path.Combine(root, "min-dalle"), "config.json", SearchOption.AllDirectories)
            .Select(file => new TheoryDataRow<string>(Path.GetRelativePath(root, Path.GetDirectoryName(file)!)));

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Cached_steps_give_the_reference_logits_and_greedy_tokens(string folder, string format)
    {
        var bundle = Export(folder, format);
        using var textEncoder = new TextEncoderSession(bundle, bundle.Manifest.TextEncoder!, DalleDevice.Cpu);
        using var decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        using var prefix = decoder.NewBatch(rows: 1);
        using var batch = decoder.NewBatch(rows: 2);
        var codes = bundle.Manifest.Image!.Vocabulary;
        var sampler = new Sampler(codes, temperature: 0, topK: 0, topP: 1);
        foreach (var prompt in Prompts(folder))
        {
            var (expected, guided, tokens) = (Read(prompt, "logits"), Read(prompt, "logits_supercondition"), Read(prompt, "image_tokens").Longs());
            foreach (var (ids, row) in Read(prompt, "text_tokens").Longs().Chunk(bundle.Manifest.Text!.Length).Select((ids, row) => (ids, row)))
            {
                using var context = textEncoder.Run(ids);
                prefix.SetContext(context);
                prefix.Prefill([.. decoder.Graph.Start]);
                batch.CopyRow(prefix, row);
            }
            for (var step = 0; ; step++)
            {
                var rows = batch.Logits.ToArray().Chunk(codes).ToArray();
                for (var row = 0; row < rows.Length; row++)
                    AssertClose(Logits(expected, row, step, codes), rows[row]);
                Sampler.Guide(rows[1], rows[0], Guidance(folder));
                AssertClose(guided.Floats().AsSpan(step * codes, codes), rows[1]);
                Assert.Equal(tokens[step], sampler.Sample(rows[1], uniform: 0));
                if (step == tokens.Length - 1)
                    break;
                batch.Ids.Fill(tokens[step]);
                batch.Step();
            }
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_prefill_of_all_ids_gives_the_reference_logits(string folder)
    {
        var bundle = Export(folder, ".pt");
        using var textEncoder = new TextEncoderSession(bundle, bundle.Manifest.TextEncoder!, DalleDevice.Cpu);
        using var decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        using var batch = decoder.NewBatch(rows: 1);
        foreach (var prompt in Prompts(folder).Where(prompt => File.Exists(Path.Combine(prompt, "logits_full_forward.npy"))))
        {
            var (expected, tokens) = (Read(prompt, "logits_full_forward"), Read(prompt, "image_tokens").Longs());
            foreach (var (ids, row) in Read(prompt, "text_tokens").Longs().Chunk(bundle.Manifest.Text!.Length).Select((ids, row) => (ids, row)))
            {
                using var context = textEncoder.Run(ids);
                batch.SetContext(context);
                for (var step = 0; step < tokens.Length; step++)
                {
                    batch.Prefill([.. decoder.Graph.Start, .. tokens[..step]]);
                    AssertClose(Logits(expected, row, step, bundle.Manifest.Image!.Vocabulary), batch.Logits);
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Tokens_become_the_reference_images(string folder)
    {
        using var codec = new ImageCodec(Export(folder, ".pt"), DalleDevice.Cpu);
        foreach (var prompt in Prompts(folder))
        {
            var image = codec.Decode([.. Read(prompt, "image_tokens").Longs().Select(token => (int)token)]);
            AssertSame(Read(prompt, "decoded_image_u8"), image, top: 0, left: 0);
        }

        // A square of images, column by column.
        var (tokens, grid) = (Read(PathOf(folder), "detok_batch4_tokens"), Read(PathOf(folder), "detok_batch4_grid_u8"));
        var side = (int)Math.Sqrt(tokens.Shape[0]);
        foreach (var (ids, i) in tokens.Longs().Chunk(tokens.Shape[1]).Select((ids, i) => (ids, i)))
        {
            var image = codec.Decode(Array.ConvertAll(ids, id => (int)id));
            AssertSame(grid, image, i % side * image.Height, i / side * image.Width);
        }
    }

    private Bundle Export(string folder, string format)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        if (format == ".pt")
            BundleExporter.Export("min-dalle", [Path.Combine(PathOf(folder), "models")], output);
        else
        {
            string[] files = ["encoder" + format, "decoder" + format, "detoker.pt", "vocab.json", "merges.txt"];
            var heads = Config(folder).GetProperty("attention_head_count").GetRawText();
            BundleExporter.Export("min-dalle", [.. files.Select(file => Find(folder, file)!)], output, new() { Settings = new Dictionary<string, string> { ["heads"] = heads } });
        }
        return Bundle.Open(output);
    }

    private static string PathOf(string folder) => Path.Combine(GoldenFolder.Root!, folder);

    private static string? Find(string folder, string file) => Directory.EnumerateFiles(PathOf(folder), file, SearchOption.AllDirectories).FirstOrDefault();

    private static IEnumerable<string> Prompts(string folder) => Directory.EnumerateDirectories(PathOf(folder), "prompt*").Order(StringComparer.Ordinal);

    private static JsonElement Config(string folder) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(PathOf(folder), "config.json"))).RootElement;

    private static float Guidance(string folder) => Config(folder).GetProperty("supercondition_factor").GetSingle();

    private static Npy Read(string folder, string name) => Npy.Read(Path.Combine(folder, name + ".npy"));

    /// <summary>The first logits, those of the codes, of a row and step.</summary>
    private static ReadOnlySpan<float> Logits(Npy all, int row, int step, int codes) => all.Floats().AsSpan((row * all.Shape[1] + step) * all.Shape[2], codes);

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var (difference, scale) = (0f, 0f);
        for (var i = 0; i < expected.Length; i++)
        {
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]));
            scale = MathF.Max(scale, MathF.Abs(expected[i]));
        }
        Assert.True(difference <= LogitTolerance * scale, $"differs by {difference} at values up to {scale}");
    }

    /// <summary>Compares an image to a part of another one, [height, width, 3] in 0..255 and cut to whole numbers, to one grey level.</summary>
    private static void AssertSame(Npy expected, PixelPlanes image, int top, int left)
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
}
