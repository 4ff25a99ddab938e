using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Families;

public sealed class DalleFamilyTests : IDisposable
{
    private const int Side = TinyDalle.Grid;

    private readonly TemporaryFolder _folder = new();
    private readonly TinyDalle _model = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(false, TinyDalle.Heads)]
    [InlineData(true, TinyDalle.Heads)]
    [InlineData(true, 1)]
    [InlineData(true, 4)]
    [InlineData(false, 16)]
    public void Cached_logits_are_those_of_attention_written_out(bool isSparse, int heads)
    {
        var bundle = Export(isSparse, heads: heads);
        var ids = RandomIds();
        var expected = ReferenceTransformer.Logits(_model, ids, isSparse ? SeesByThePaper : (_, _, _) => true, heads);

        using var decoder = new DecoderSession(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        using var batch = decoder.NewBatch(rows: 1);
        batch.Prefill(ids[..TinyDalle.TextLength]);
        for (var position = TinyDalle.TextLength - 1; ; position++)
        {
            AssertClose(expected[position], batch.Logits, position);
            if (position == ids.Length - 1)
                break;
            batch.Ids[0] = ids[position + 1];
            batch.Decode();
        }
        batch.Prefill(ids);
        AssertClose(expected[^1], batch.Logits, ids.Length - 1);
    }

    [Fact]
    public void Each_pattern_of_the_paper_changes_what_is_computed()
    {
        // So that the test above does not pass for a pattern that hides nothing at this size.
        var ids = RandomIds();
        var all = ReferenceTransformer.Logits(_model, ids, (_, _, _) => true)[^1];
        foreach (var layer in Enumerable.Range(0, TinyDalle.Layers))
        {
            var sparse = ReferenceTransformer.Logits(_model, ids, (l, query, key) => l != layer || SeesByThePaper(l, query, key))[^1];
            Assert.True(all.Zip(sparse).Max(pair => Math.Abs(pair.First - pair.Second)) > 0.01, $"layer {layer}");
        }
    }

    [Theory]
    [InlineData(Precision.Fp32)]
    [InlineData(Precision.Fp16)]
    [InlineData(Precision.Int8)]
    [InlineData(Precision.Int4)]
    public void Sparse_attention_runs_in_every_precision(Precision precision)
    {
        var bundle = Export(isSparse: true, precision);
        using var model = DalleModel.Load(bundle.Folder);
        using var image = model.Generate("a tiny cat", seed: 1);
        Assert.Equal(Side * Side, image.Tokens.Count);
        Assert.True(image.Tokens.Distinct().Count() > 1);
    }

    [Fact]
    public void Text_is_cleaned_as_the_configuration_says()
    {
        Assert.Equal([TextCleaning.Lowercase], Export(isSparse: false).Manifest.Text!.Cleaning);
        var source = WithConfig("\"lowercase\":true", "\"lowercase\":false,\"leading_space\":true");
        BundleExporter.Export("dalle", [source], Path.Combine(_folder.Path, "spaced"));
        Assert.Equal([TextCleaning.LeadingSpace], Bundle.ManifestOf(Path.Combine(_folder.Path, "spaced")).Text!.Cleaning);
    }

    [Fact]
    public void A_tensor_of_another_shape_is_named()
    {
        var source = WithConfig("\"grid\":8", "\"grid\":9");
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("dalle", [source], Path.Combine(_folder.Path, "bundle")));
        Assert.Contains("row_emb.weight", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Encoder_and_decoder_of_images_have_widths_of_their_own()
    {
        Bundle[] bundles = [.. new[] { 4, 8 }.Select(width =>
        {
            var source = _model.Write(Path.Combine(_folder.Path, $"source-{width}"), isSparse: false, decoderWidth: width);
            var output = Path.Combine(_folder.Path, $"bundle-{width}");
            BundleExporter.Export("dalle", [source], output);
            return Bundle.Open(output);
        })];
        // Nothing is added to the encoder where the decoder alone is wider.
        foreach (var file in new[] { "image_encoder.onnx", "image_encoder.weights" })
            Assert.Equal(File.ReadAllBytes(bundles[0].PathOf(file)), File.ReadAllBytes(bundles[1].PathOf(file)));
        Assert.True(new FileInfo(bundles[1].PathOf("image_decoder.weights")).Length > new FileInfo(bundles[0].PathOf("image_decoder.weights")).Length);
        using var model = DalleModel.Load(bundles[1].Folder);
        using var image = model.Generate("a tiny cat", seed: 1);
        Assert.Equal(Side * Side, model.EncodeImage(image.Image).Length);
    }

    [Theory]
    [InlineData("", 0.5f, 1.2f, 8)]
    [InlineData(""","sampling":{"temperature":0.7,"guidance":2,"candidates":4}""", 0.7f, 2, 4)]
    [InlineData(""","sampling":{"candidates":1}""", 0.5f, 1.2f, 1)]
    public void Defaults_of_sampling_are_those_of_the_configuration(string json, float temperature, float guidance, int candidates)
    {
        var source = WithConfig("}}", "}" + json + "}");
        BundleExporter.Export("dalle", [source], Path.Combine(_folder.Path, "bundle"));
        var sampling = Bundle.ManifestOf(Path.Combine(_folder.Path, "bundle")).Sampling;
        Assert.Equal(new SamplingDefaults { Temperature = temperature, Guidance = guidance, Candidates = candidates }, sampling);
    }

    [Theory]
    [InlineData("""{"temperature":-1}""", "a temperature of at least 0 and 1 to 512 candidates")]
    [InlineData("""{"candidates":0}""", "a temperature of at least 0 and 1 to 512 candidates")]
    [InlineData("""{"candidates":513}""", "a temperature of at least 0 and 1 to 512 candidates")]
    [InlineData("""{"candidates":"eight"}""", "wrong type")]
    public void Impossible_defaults_of_sampling_are_refused(string json, string message)
    {
        var source = WithConfig("}}", "},\"sampling\":" + json + "}");
        var error = Assert.Throws<InvalidDataException>(() => BundleExporter.Export("dalle", [source], Path.Combine(_folder.Path, "bundle")));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Words_of_the_configuration_become_those_of_the_bundle()
    {
        var source = WithConfig("}}", "},\"words\":\"words.txt\"}");
        File.WriteAllText(Path.Combine(source, "words.txt"), "cat\ntiny cats\n");
        BundleExporter.Export("dalle", [source], Path.Combine(_folder.Path, "bundle"));
        using var model = DalleModel.Load(Path.Combine(_folder.Path, "bundle"));
        Assert.Equal(["cat", "tiny cats"], model.Info.Vocabulary);
    }

    private string WithConfig(string old, string replacement)
    {
        var source = _model.Write(Path.Combine(_folder.Path, "source"), isSparse: false);
        var config = Path.Combine(source, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace(old, replacement, StringComparison.Ordinal));
        return source;
    }

    private Bundle Export(bool isSparse, Precision precision = Precision.Fp32, int heads = TinyDalle.Heads)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        // Where they are those of the configuration, nothing need be said.
        var settings = new Dictionary<string, string>();
        if (heads != TinyDalle.Heads)
            settings.Add("heads", $"{heads}");
        var source = _model.Write(Path.Combine(_folder.Path, "source"), isSparse);
        BundleExporter.Export("dalle", [source], output, new() { Precision = precision, Settings = settings });
        return Bundle.Open(output);
    }

    /// <summary>Figure 11 of the paper, by coordinates: what an image token sees besides all text.</summary>
    private static bool SeesByThePaper(int layer, int query, int key)
    {
        var (text, from, to) = (key < TinyDalle.TextLength, query - TinyDalle.TextLength, key - TinyDalle.TextLength);
        if (text)
            return true;
        var (down, right) = (from / Side - to / Side, from % Side - to % Side);
        return layer switch
        {
            0 or 2 => down == 0 || (down == 1 && right <= 0),
            1 => right == 0,
            _ => down <= 5 && right is >= -5 and <= 5,
        };
    }

    private static long[] RandomIds()
    {
        var random = new Random(2);
        return
        [
            .. Enumerable.Range(0, TinyDalle.TextLength).Select(_ => (long)random.Next(TinyDalle.TextIds)),
            .. Enumerable.Range(0, Side * Side).Select(_ => (long)TinyDalle.TextIds + random.Next(TinyDalle.CodebookSize)),
        ];
    }

    private static void AssertClose(double[] expected, ReadOnlySpan<float> actual, int position)
    {
        var scale = expected.Max(Math.Abs);
        for (var i = 0; i < expected.Length; i++)
        {
            var isClose = Math.Abs(expected[i] - actual[i]) <= 1e-4 * scale;
            Assert.True(isClose, $"logit {i} after position {position}: {actual[i]} where {expected[i]} is due");
        }
    }
}
