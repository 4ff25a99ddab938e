using System.Globalization;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Tests.Architectures;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Onnx;
using Dalle.ML.Runtime;
using Dalle.ML.Tests;
using Dalle.ML.Text;
using Microsoft.ML.OnnxRuntime;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>
/// Heads whose size is no multiple of eight, which ONNX Runtime's attention does not take, give what attention written out in standard
/// operators gives: the same weights shared out to other heads, with nothing padded and no cache.
/// </summary>
public sealed class PaddedHeadsTests : IDisposable
{
    private const string Prompt = "a tiny cat";

    private readonly TemporaryFolder _folder = new();

    /// <summary>Every family with a decoder: its model, a number of heads that needs no padding, and one that does.</summary>
    public static TheoryData<string, int, int> Models => new()
    {
        { "dalle", 4, 16 },
        { "dalle", 4, 64 },
        { "min-dalle", 4, 32 },
        { "dalle-mini", 4, 16 },
        { "minDALL-E", 8, 16 },
        { "ru-dalle", 4, 32 },
        { "min-dalle 40", 5, 2 },
        { "min-dalle 40", 1, 4 },
        { "min-dalle 40", 5, 8 },
        { "dalle-pytorch", 5, 2 },
        { "dalle-pytorch", 1, 4 },
        { "dalle-pytorch without rotation", 5, 8 },
    };

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Every_family_with_a_decoder_is_there()
    {
        var generating = BundleExporter.Families.Where(family => BundleExporter.SettingsOf(family).ContainsKey("heads")).ToArray();
        Assert.Equal(generating.Order(), Models.Select(model => model.Data.Item1.Split(' ')[0]).Distinct().Order());
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Cached_steps_and_prefills_give_the_logits_of_heads_without_padding(string model, int plainHeads, int heads)
    {
        var bundle = Sharpened(Export(model, heads));
        var (graph, size) = (bundle.Manifest.Decoder!, Width(model) / heads);
        Assert.Equal((heads, (size + 7) / 8 * 8), (graph.Cache.Heads, graph.Cache.HeadSize));
        using var reference = new Reference(Sharpened(Export(model, plainHeads)), bundle, [Encode(bundle)]);
        using var run = new Run(bundle);

        var tokens = Enumerable.Range(0, bundle.Manifest.Image!.Tokens - 1).Select(i => (long)(7 * i % bundle.Manifest.Image.CodebookSize)).ToArray();
        int[] compared = [.. Steps(tokens.Length), tokens.Length];
        var expected = compared.ToDictionary(given => given, given => reference.Logits(tokens[..given])[0]);
        using var batch = run.Attend(Encode(bundle));
        batch.Prefill(run.Prefix(Encode(bundle)));
        for (var step = 0; ; step++)
        {
            if (expected.TryGetValue(step, out var logits))
                Near(logits, batch.Logits.ToArray(), $"step {step}");
            if (step == tokens.Length)
                break;
            batch.Ids[0] = graph.ImageIdOffset + tokens[step];
            batch.Decode();
        }
        foreach (var given in compared)
        {
            batch.Prefill([.. run.Prefix(Encode(bundle)), .. tokens[..given].Select(token => graph.ImageIdOffset + token)]);
            Near(expected[given], batch.Logits.ToArray(), $"prefill with {given} tokens");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Guided_tokens_are_the_likeliest_of_heads_without_padding(string model, int plainHeads, int heads)
    {
        const float Guidance = 3;
        var bundle = Sharpened(Export(model, heads));
        using var engine = DalleModel.Load(bundle.Folder);
        var options = new GenerationOptions { Sampling = new SamplingOptions { TopK = 1, GuidanceScale = Guidance } };
        using var generated = engine.Generate(Prompt, seed: 1, options);
        long[] tokens = [.. generated.Tokens];

        var unconditional = new PromptTokenizer(bundle, bundle.Manifest.Text!).Unconditional(Prompt);
        using var reference = new Reference(Sharpened(Export(model, plainHeads)), bundle, [unconditional, Encode(bundle)]);
        foreach (var step in Steps(tokens.Length))
        {
            var logits = reference.Logits(tokens[..step]);
            Sampler.ApplyGuidance(logits[1], logits[0], Guidance);
            // Two that are equal but for rounding may change places.
            Assert.True(logits[1][tokens[step]] >= logits[1].Max() - 1e-4f * logits[1].Max(Math.Abs), $"token {step}");
        }
    }

    [Theory]
    [MemberData(nameof(Models))]
    public void Every_precision_gives_about_the_same_logits(string model, int plainHeads, int heads)
    {
        using var reference = new Reference(Export(model, plainHeads), Export(model, heads), [Encode(Export(model, heads))]);
        long[] tokens = [.. Enumerable.Range(0, 9)];
        var expected = reference.Logits(tokens)[0];
        foreach (var (precision, tolerance) in new[] { (Precision.Fp16, 0.02), (Precision.Int8, 0.25), (Precision.Int4, 0.9) })
        {
            var bundle = Export(model, heads, precision);
            using var run = new Run(bundle);
            using var batch = run.Attend(Encode(bundle));
            batch.Prefill([.. run.Prefix(Encode(bundle)), .. tokens.Select(token => bundle.Manifest.Decoder!.ImageIdOffset + token)]);
            var actual = batch.Logits.ToArray();
            var difference = Math.Sqrt(expected.Zip(actual, (a, b) => (a - b) * (a - b)).Sum() / expected.Sum(a => a * a));
            Assert.True(difference <= tolerance, $"{precision} differs by {difference} of the logits' size");
        }
    }

    /// <summary>Some of so many steps, in all columns of an image.</summary>
    private static IEnumerable<int> Steps(int count) => Enumerable.Range(0, count).Where(step => step % 7 == 0);

    /// <summary>The channels that the heads share.</summary>
    private static int Width(string model) => model.StartsWith("dalle-pytorch", StringComparison.Ordinal) ? TinyDallePytorch.Channels
        : model.Contains(' ', StringComparison.Ordinal) ? 40 : 64;

    private static long[] Encode(Bundle bundle) => new PromptTokenizer(bundle, bundle.Manifest.Text!).Encode(Prompt);

    private static void Near(float[] expected, float[] actual, string what)
    {
        var worst = expected.Zip(actual).Max(pair => Math.Abs(pair.First - pair.Second)) / expected.Max(Math.Abs);
        Assert.True(worst <= 2e-5, $"{what}: logits differ by {worst} of the largest");
    }

    private Bundle Export(string model, int heads, Precision precision = Precision.Fp32)
    {
        var output = Path.Combine(_folder.Path, $"{heads}-{precision}");
        if (Directory.Exists(output))
            return Bundle.Open(output);
        var source = Path.Combine(_folder.Path, "source");
        var options = new ExportOptions { Precision = precision, Settings = new Dictionary<string, string> { ["heads"] = $"{heads}" } };
        if (model.StartsWith("dalle-pytorch", StringComparison.Ordinal))
            BundleExporter.Export("dalle-pytorch", new TinyDallePytorch(rotaryWidth: model == "dalle-pytorch" ? 6 : 0).Write(source), output, options);
        else if (model == "min-dalle 40")
            BundleExporter.Export("min-dalle", [new TinyDalleBart(width: 40).Write(source)], output, options);
        else
            BundleExporter.ExportRandom(model, "tiny", output, options);
        return Bundle.Open(output);
    }

    /// <summary>
    /// With all weights of the decoder larger: those of a random model are so small that attention looks everywhere alike, whatever is wrong
    /// with its scores.
    /// </summary>
    private static Bundle Sharpened(Bundle bundle)
    {
        const float Factor = 20;
        if (!bundle.Manifest.Name.EndsWith("tiny", StringComparison.Ordinal))
            return bundle;
        var graph = bundle.PathOf(bundle.Manifest.Decoder!.File);
        var file = Path.ChangeExtension(graph, ".weights");
        var bytes = File.ReadAllBytes(file);
        foreach (var tensor in ModelProto.Parser.ParseFrom(File.ReadAllBytes(graph)).Graph.Initializer.Where(tensor => tensor.ExternalData.Count > 0))
        {
            int Number(string key) => int.Parse(tensor.ExternalData.Single(entry => entry.Key == key).Value, CultureInfo.InvariantCulture);
            if (tensor.DataType == (int)DataType.Float)
            {
                var values = MemoryMarshal.Cast<byte, float>(bytes.AsSpan(Number("offset"), Number("length")));
                TensorPrimitives.Multiply(values, Factor, values);
            }
        }
        File.WriteAllBytes(file, bytes);
        var files = new SortedDictionary<string, FileRecord>(bundle.Manifest.Files) { [Path.GetFileName(file)] = Bundle.Describe(file) };
        File.WriteAllBytes(Path.Combine(bundle.Folder, Bundle.ManifestName), (bundle.Manifest with { Files = files }).ToJson());
        return Bundle.Open(bundle.Folder);
    }

    /// <summary>The engine's sessions, driven by ids.</summary>
    private sealed class Run(Bundle bundle) : IDisposable
    {
        private readonly DecoderSession _decoder = new(bundle, bundle.Manifest.Decoder!, DalleDevice.Cpu);
        private readonly TextEncoderSession? _encoder =
            bundle.Manifest.TextEncoder is { } graph ? new TextEncoderSession(bundle, graph, DalleDevice.Cpu) : null;

        /// <summary>What comes before the image: the prompt, or where an encoder reads it, a start.</summary>
        public long[] Prefix(long[] prompt) => _encoder is null ? prompt : [.. _decoder.Graph.Start];

        public LogitsDecodeBatch Attend(long[] prompt)
        {
            var batch = _decoder.NewBatch(rows: 1);
            _encoder?.Run(prompt, batch.Rows, batch.Context);
            return batch;
        }

        public void Dispose()
        {
            _decoder.Dispose();
            _encoder?.Dispose();
        }
    }

    /// <summary>Attention written out, after some prompts.</summary>
    private sealed class Reference : IDisposable
    {
        private readonly PlainDecoder _decoder;
        private readonly Dictionary<string, OrtValue> _context = [];
        private readonly long[][] _prefixes;
        private readonly int _offset;

        /// <param name="plain">A bundle of the weights whose heads need no padding.</param>
        /// <param name="padded">That of the heads that are tested; its text encoder has plain attention.</param>
        /// <param name="prompts">Ids of prompts.</param>
        public Reference(Bundle plain, Bundle padded, long[][] prompts)
        {
            var manifest = padded.Manifest;
            _decoder = new PlainDecoder(plain, manifest.Decoder!.Cache.Heads);
            _offset = manifest.Decoder.ImageIdOffset;
            _prefixes = prompts;
            if (manifest.TextEncoder is not { } encoder)
                return;
            _prefixes = [.. prompts.Select(_ => manifest.Decoder.Start.Select(id => (long)id).ToArray())];
            using var session = new InferenceSession(padded.PathOf(encoder.File));
            using var ids = OrtValue.CreateTensorValueFromMemory(prompts.SelectMany(row => row).ToArray(), [prompts.Length, prompts[0].Length]);
            using var options = new RunOptions();
            foreach (var (name, value) in encoder.Outputs.Zip(session.Run(options, [encoder.Ids], [ids], [.. encoder.Outputs])))
                _context.Add(name, value);
        }

        public float[][] Logits(long[] tokens) =>
            _decoder.Logits([.. _prefixes.Select(prefix => (long[])[.. prefix, .. tokens.Select(token => _offset + token)])], _context);

        public void Dispose()
        {
            _decoder.Dispose();
            foreach (var value in _context.Values)
                value.Dispose();
        }
    }
}
