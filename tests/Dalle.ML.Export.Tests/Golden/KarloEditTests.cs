using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using static Dalle.ML.Export.Tests.Golden.KarloReplay;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// What begins with an image or an embedding, through the generator and with recorded gaussians: variations, ways between embeddings,
/// inversion, inpainting. <see cref="KarloSamplingTests"/> has their steps.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloEditTests : IDisposable
{
    private readonly KarloBundle _bundle = new(GoldenFolder.Of("karlo"));

    public void Dispose() => _bundle.Dispose();

    [Fact]
    public void Variations_are_those_of_the_reference()
    {
        Npy[] initial = [_bundle.Read("variations/decoder/init_noise"), _bundle.Read("variations/sr/init_noise")];
        Npy[] fresh = [_bundle.Read("variations/decoder/step_noise"), _bundle.Read("variations/sr/step_noise")];
        var options = Options(fresh[0].Shape[0], Scale) with { Diffusion = new DiffusionOptions { DecoderSteps = fresh[0].Shape[0], UpsamplerSteps = fresh[1].Shape[0] } };
        var requests = Enumerable.Range(0, initial[0].Shape[0]).Select(row => new GenerationRequest("", (ulong)row) { ImageEmbedding = _bundle.Floats("variations/image_feat") });
        Compare(_bundle.Floats("variations/sr/image"), "variations", [.. requests], options, (row, noise) => noise.Use == NoiseUse.Initial
            ? Row(initial[noise.Stage - 1], row)
            : Row(fresh[noise.Stage - 1], noise.Step * initial[0].Shape[0] + row, axes: 2));
    }

    [Theory]
    [InlineData("interpolation/slerp", "interpolation/images")]
    [InlineData("textdiff/embeddings", "textdiff/images")]
    public void Ways_between_embeddings_are_those_of_the_reference(string embeddings, string images)
    {
        var places = _bundle.Read(embeddings);
        UseDecoderAlone(DiffusionSampler.Ddim);
        var options = Options(_bundle.Read("ddim/decoder_t").Shape[0], GoldenReadme.Number("karlo/interpolation/images.npy", "scale"));
        var requests = Enumerable.Range(0, places.Shape[0]).Select(place => new GenerationRequest("", 0) { ImageEmbedding = Row(places, place) });
        Compare(ToUnitRange(_bundle.Floats(images)), images, [.. requests], options, (_, _) => _bundle.Floats("interpolation/x_T"));
    }

    [Fact]
    public void An_image_is_inverted_and_varied_as_in_the_reference()
    {
        var (decoded, variation) = (_bundle.Read("inversion/decoded"), KarloVariation.Of(_bundle));
        var fresh = variation.Noise;
        UseDecoderAlone(DiffusionSampler.Ddpm);
        Vary(strength: 0, Row(decoded, decoded.Shape[0] - 1), "image without a change");
        Vary(variation.Eta, variation.Image.Floats(), "variation");

        void Vary(float strength, float[] expected, string what) => Compare(
            ToUnitRange(expected), what,
            [new GenerationRequest("", 0) { ImageEmbedding = _bundle.Floats("variations/image_feat"), Inverted = new InvertedImage(Image("inversion/x0"), strength) }],
            Options(fresh.Shape[0]), (_, noise) => Row(fresh, noise.Step));
    }

    [Fact]
    public void Masked_parts_are_painted_as_in_the_reference()
    {
        var (noise, steps) = (_bundle.Read("inpaint/noise"), _bundle.Read("inpaint/steps").Shape[0]);
        UseDecoderAlone(DiffusionSampler.Ddpm);
        var request = new GenerationRequest(JsonSerializer.Deserialize<string>(File.ReadAllText(Path.Combine(_bundle.Root, "prompt.json")))!, 0)
        {
            ImageEmbedding = _bundle.Floats("inpaint/image_feat"),
            KnownPixels = new KnownPixels(Image("inpaint/image"), Array.ConvertAll(_bundle.Read("inpaint/mask").Data, paints => paints == 0)),
        };
        Compare(ToUnitRange(_bundle.Floats("inpaint/result")), "painted image", [request], Options(steps, Scale),
            (_, key) => Row(noise, key.Use == NoiseUse.Initial ? 0 : 2 * key.Step + (key.Use == NoiseUse.Known ? 1 : 2)));
    }

    private float Scale => new KarloReplay(_bundle).Guidance("config.json", "decoder");

    private static GenerationOptions Options(int steps, float? scale = null) =>
        new() { Diffusion = new DiffusionOptions { DecoderSteps = steps }, Sampling = new() { GuidanceScale = scale } };

    /// <summary>An image of values in −1..1.</summary>
    private ImageTensor Image(string file)
    {
        var npy = _bundle.Read(file);
        return new ImageTensor(npy.Shape[3], npy.Shape[2], ToUnitRange(npy.Floats()));
    }

    // The images of these are the decoder's.
    private void UseDecoderAlone(DiffusionSampler sampler)
    {
        var decoder = _bundle.Unclip.Stages[0];
        _bundle.Unclip.Stages = [decoder with { Diffusion = decoder.Diffusion with { Sampler = sampler } }];
    }

    private void Compare(float[] expected, string what, GenerationRequest[] requests, GenerationOptions options, Func<int, NoiseKey, float[]> noise) =>
        Near.PixelsOfRun(expected, what, rounding =>
        {
            using var generator = new UnclipGenerator(_bundle.Bundle, DalleDevice.Cpu, new RecordedNoise((row, key) => rounding.Of(noise(row, key))));
            return [.. generator.Generate(requests, 0..1, options, progress: null, CancellationToken.None).SelectMany(group => group).SelectMany(made => made.Decode().Values)];
        });

    private sealed class RecordedNoise(Func<int, NoiseKey, float[]> noise) : INoiseSource
    {
        public void Fill(ulong seed, NoiseKey key, Span<float> values) => noise((int)seed, key).CopyTo(values);
    }
}
