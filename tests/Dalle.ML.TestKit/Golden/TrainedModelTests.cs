using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Generation.Autoregressive;
using Dalle.ML.Images;
using Dalle.ML.Runtime;
using Dalle.ML.Text;

namespace Dalle.ML.Tests.Golden;

/// <summary>
/// A bundle against reference tensors of the PyTorch weights that it was exported from, as <c>onnx/training/export.py</c> writes them: ids
/// first, then logits, then greedy tokens, then pixels and scores, so that the first failure says where an error is.
/// </summary>
[Trait("Category", "Golden")]
public abstract class TrainedModelTests
{
    private const float LogitTolerance = 1e-4f;
    private const float PixelTolerance = 0.5f / 255;

    private readonly string _golden;
    private readonly Bundle _bundle;
    private readonly string[] _prompts;
    private readonly float _guidance;
    private readonly int[] _logitSteps;

    protected TrainedModelTests(string bundle, string golden)
    {
        (_golden, _bundle) = (golden, Bundle.Open(bundle));
        using var json = JsonDocument.Parse(File.ReadAllBytes(PathOf("golden.json")));
        _prompts = [.. json.RootElement.GetProperty("prompts").EnumerateArray().Select(prompt => prompt.GetString()!)];
        _guidance = json.RootElement.GetProperty("guidance").GetSingle();
        // Of all steps, unless some are named.
        _logitSteps = json.RootElement.TryGetProperty("logit_steps", out var steps) ? [.. steps.EnumerateArray().Select(step => step.GetInt32())] : [.. Enumerable.Range(0, Tokens)];
    }

    private ImageFormat Format => _bundle.Manifest.Image!;

    private int Vocabulary => Format.CodebookSize;

    private int Tokens => Format.Rows * Format.Columns;

    private int PixelsPerImage => 3 * Format.Width * Format.Height;

    [Fact]
    public void Prompts_become_the_reference_ids()
    {
        var tokenizer = new PromptTokenizer(_bundle, _bundle.Manifest.Text!);
        Assert.Equal(Longs("text_ids"), _prompts.SelectMany(tokenizer.Encode));
    }

    [Fact]
    public void Prefill_gives_the_reference_logits()
    {
        using var decoder = Decoder();
        using var batch = decoder.NewBatch(_prompts.Length);
        batch.Prefill(Longs("text_ids"));
        AssertClose(Floats("prefill_logits"), batch.Logits, LogitTolerance);
    }

    [Theory]
    [InlineData("greedy", false)]
    [InlineData("guided", true)]
    public void Cached_steps_give_the_reference_logits_and_greedy_tokens(string name, bool isGuided)
    {
        var (expectedIds, expectedLogits) = (Longs($"{name}_ids"), Floats($"{name}_logits"));
        var tokenizer = new PromptTokenizer(_bundle, _bundle.Manifest.Text!);
        using var decoder = Decoder();
        using var batch = decoder.NewBatch(_prompts.Length * (isGuided ? 2 : 1));
        batch.Prefill([.. Longs("text_ids"), .. isGuided ? _prompts.SelectMany(tokenizer.Unconditional) : []]);
        var sampler = new Sampler(Vocabulary, temperature: 0, topK: 0, topP: 1);
        for (var step = 0; step < Tokens; step++)
        {
            for (var row = 0; row < _prompts.Length; row++)
            {
                var logits = batch.Logits.Slice(row * Vocabulary, Vocabulary).ToArray();
                if (isGuided)
                    Sampler.ApplyGuidance(logits, batch.Logits.Slice((_prompts.Length + row) * Vocabulary, Vocabulary), _guidance);
                if (Array.IndexOf(_logitSteps, step) is >= 0 and var i)
                    AssertClose(expectedLogits.AsSpan((row * _logitSteps.Length + i) * Vocabulary, Vocabulary), logits, LogitTolerance);
                Assert.Equal(expectedIds[row * Tokens + step], sampler.Sample(logits, uniform: 0));
            }
            if (step == Tokens - 1)
                break;
            for (var row = 0; row < batch.Rows; row++)
                batch.Ids[row] = decoder.Graph.ImageIdOffset + expectedIds[row % _prompts.Length * Tokens + step];
            batch.Decode();
        }
    }

    [Theory]
    [InlineData("greedy", false)]
    [InlineData("guided", true)]
    public void Greedy_generation_gives_the_reference_tokens(string name, bool isGuided)
    {
        using var model = DalleModel.Load(_bundle.Folder);
        var sampling = new SamplingOptions { Temperature = 0, GuidanceScale = isGuided ? _guidance : 1 };
        var options = new GenerationOptions { Candidates = 1, Sampling = sampling };
        var images = model.GenerateBatch([.. _prompts.Select(prompt => new GenerationRequest(prompt, 0))], options).ToArray();
        Assert.Equal(Longs($"{name}_ids"), images.SelectMany(image => image.Tokens).Select(token => (long)token));
    }

    [Theory]
    [InlineData("greedy_ids", "greedy_pixels")]
    [InlineData("guided_ids", "guided_pixels")]
    [InlineData("image_ids", "image_reconstruction")]
    public void Tokens_become_the_reference_pixels(string tokens, string pixels)
    {
        using var codec = new DiscreteVae(_bundle, DalleDevice.Cpu);
        var expected = Floats(pixels);
        foreach (var (ids, i) in Longs(tokens).Chunk(Tokens).Select((ids, i) => (ids, i)))
            AssertClose(expected.AsSpan(i * PixelsPerImage, PixelsPerImage), codec.Decode(Array.ConvertAll(ids, id => (int)id)).Values, PixelTolerance);
    }

    [Fact]
    public void Images_become_the_reference_tokens()
    {
        using var codec = new DiscreteVae(_bundle, DalleDevice.Cpu);
        var tokens = Floats("image_pixels").Chunk(PixelsPerImage).SelectMany(pixels => codec.Encode(Planes(pixels)));
        Assert.Equal(Longs("image_ids"), tokens.Select(token => (long)token));
    }

    [Fact]
    public void Clip_gives_the_reference_embeddings_and_scores()
    {
        using var clip = new ClipModel(_bundle, _bundle.Manifest.Clip!, DalleDevice.Cpu);
        var texts = _prompts.Select(clip.EmbedText).ToArray();
        var images = Floats("greedy_pixels").Concat(Floats("image_pixels")).Chunk(PixelsPerImage)
            .Select(pixels => clip.EmbedImage(Planes(pixels))).ToArray();
        AssertClose(Floats("clip_text"), texts.SelectMany(text => text).ToArray(), LogitTolerance);
        AssertClose(Floats("clip_image"), images.SelectMany(image => image).ToArray(), LogitTolerance);
        AssertClose(Floats("clip_scores"), texts.SelectMany(text => images.Select(image => clip.Score(text, image))).ToArray(), LogitTolerance);
    }

    private ImageTensor Planes(float[] pixels) => new(Format.Width, Format.Height, pixels);

    private string PathOf(string file) => Path.Combine(_golden, file);

    private float[] Floats(string name) => Npy.Read(PathOf(name + ".npy")).Floats();

    private long[] Longs(string name) => Npy.Read(PathOf(name + ".npy")).Longs();

    private DecoderSession Decoder() =>
        new(_bundle, _bundle.Manifest.Decoder!, DalleDevice.Cpu);

    /// <summary>The largest difference, relative to the largest value.</summary>
    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        var (difference, scale) = (0f, 0f);
        for (var i = 0; i < expected.Length; i++)
        {
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]));
            scale = MathF.Max(scale, MathF.Abs(expected[i]));
        }
        Assert.True(difference <= tolerance * scale, $"differs by {difference} at values up to {scale}");
    }
}
