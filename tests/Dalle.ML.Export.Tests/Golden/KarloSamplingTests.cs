using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Generation.Diffusion.Schedulers;
using static Dalle.ML.Export.Tests.Golden.KarloReplay;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// What Karlo's networks and our schedulers make of given image embeddings and recorded gaussians, against Karlo: variations, the decoder
/// along a way between embeddings, DDIM, inversion, inpainting.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloSamplingTests : IDisposable
{
    private readonly KarloBundle _bundle = new(GoldenFolder.Of("karlo"));
    private readonly KarloReplay _replay;

    public KarloSamplingTests() => _replay = new KarloReplay(_bundle);

    public void Dispose() => _bundle.Dispose();

    [Theory]
    [InlineData("variations", false)]
    [InlineData("variations/with_text", true)]
    public void An_image_embedding_becomes_the_reference_variations(string folder, bool hasText)
    {
        var decoder = hasText ? folder : folder + "/decoder";
        var (initial, fresh, expected) = (_bundle.Read(decoder + "/init_noise"), _bundle.Read(decoder + "/step_noise"), _bundle.Read(decoder + "/image64"));
        _replay.AddText(hasText ? Prompt : "");
        _replay.AddEmbedding(_bundle.Floats("variations/image_feat"));
        for (var image = 0; image < initial.Shape[0]; image++)
        {
            Near.Run(Row(expected, image), Tolerance, "images", rounding =>
                Decode(_replay.Scheduler(1, fresh.Shape[0]), rounding.Of(Row(initial, image)), step => Row(fresh, step * initial.Shape[0] + image, axes: 2)));
            if (!hasText)
                AssertEnlarged(image, Row(expected, image));
        }
    }

    [Theory]
    [InlineData("interpolation/slerp", "interpolation/images")]
    [InlineData("textdiff/embeddings", "textdiff/images")]
    public void Embeddings_on_a_way_become_the_reference_images(string embeddings, string images)
    {
        var (places, expected) = (_bundle.Read(embeddings), _bundle.Read(images));
        var scale = GoldenReadme.Number("karlo/interpolation/images.npy", "scale");
        _replay.AddText("");
        for (var place = 0; place < places.Shape[0]; place++)
        {
            _replay.AddEmbedding(Row(places, place));
            Near.Run(Row(expected, place), Tolerance, "images", rounding =>
                _replay.Sample(1, Ddim(_bundle.Read("ddim/decoder_t").Shape[0]), scale, rounding.Of(_bundle.Floats("interpolation/x_T")), _ => []));
        }
    }

    [Fact]
    public void The_prior_by_DDIM_gives_the_reference_embeddings()
    {
        var expected = _bundle.Read("ddim/prior_image_feat");
        var timesteps = _bundle.Read("ddim/prior_t").Longs();
        var scheduler = _replay.Scheduler(0, timesteps.Length, DiffusionSampler.Ddim);
        Assert.Equal(timesteps, Enumerable.Range(0, scheduler.Steps).Select(scheduler.Timestep));
        foreach (var (row, prompt) in Prompts.Index())
        {
            _replay.AddText(prompt);
            Near.Run(Row(expected, row), Tolerance, "embeddings", rounding => _replay.Embedding(
                _replay.Sample(0, scheduler, _replay.Guidance("config.json", "prior"), rounding.Of(Row(_bundle.Read("ddim/prior_init_noise"), row)), _ => [])));
        }
    }

    [Fact]
    public void The_decoder_by_DDIM_gives_the_reference_images()
    {
        var (steps, embeddings) = (_bundle.Read("ddim/decoder_steps"), _bundle.Read("pipeline/prior/image_feat"));
        var scale = GoldenReadme.Number("karlo/ddim/decoder_steps.npy", "scale");
        var rows = steps.Shape[1];
        foreach (var (row, prompt) in Prompts.Index())
        {
            _replay.AddText(prompt);
            _replay.AddEmbedding(Row(embeddings, row));
            _replay.Sample(1, Ddim(steps.Shape[0]), scale, Row(_bundle.Read("ddim/decoder_init_noise"), row), _ => [],
                step => Row(steps, step * rows + row, axes: 2));
        }
    }

    [Fact]
    public void An_image_is_inverted_and_decoded_as_in_the_reference()
    {
        var (steps, decoded, variation) = (_bundle.Read("inversion/steps"), _bundle.Read("inversion/decoded"), KarloVariation.Of(_bundle));
        var fresh = variation.Noise;
        _replay.AddText("");
        _replay.AddEmbedding(_bundle.Floats("variations/image_feat"));
        var inverted = _replay.Invert(Ddim(steps.Shape[0]), _bundle.Floats("inversion/x0")).ToArray();
        Assert.All(inverted, (x, step) => AssertClose(Row(steps, step), x, $"inverted step {step}"));

        var start = Row(steps, steps.Shape[0] - 1);
        _replay.Sample(1, Ddim(steps.Shape[0]), scale: 1, start, _ => [], step => Row(decoded, step));
        Near.Run(variation.Image.Floats(), Tolerance, "variation", rounding =>
            _replay.Sample(1, Ddim(fresh.Shape[0], variation.Eta), scale: 1, rounding.Of(start), step => Row(fresh, step)));
    }

    [Fact]
    public void Masked_parts_are_painted_as_in_the_reference()
    {
        var (steps, noise, mask) = (_bundle.Read("inpaint/steps"), _bundle.Read("inpaint/noise"), _bundle.Read("inpaint/mask"));
        var scheduler = _replay.Scheduler(1, steps.Shape[0]);
        var known = new KnownPart(_bundle.Floats("inpaint/image"), Array.ConvertAll(mask.Data, paints => paints == 0), Passes: 1);
        _replay.AddText(Prompt);
        _replay.AddEmbedding(_bundle.Floats("inpaint/image_feat"));
        var x = _replay.Sample(1, scheduler, _replay.Guidance("config.json", "decoder"), Row(noise, 0), step => Row(noise, 2 + 2 * step),
            step => Row(steps, step), (step, x) =>
            {
                var noisy = Row(noise, 1 + 2 * step);
                scheduler.AddNoise(step, known.Values, noisy, noisy);
                known.PutInto(x, noisy);
            });
        known.PutInto(x, known.Values);
        AssertClose(_bundle.Floats("inpaint/result"), x, "image");
    }

    private string Prompt => JsonSerializer.Deserialize<string>(File.ReadAllText(Path.Combine(_bundle.Root, "prompt.json")))!;

    private string[] Prompts => JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(_bundle.Root, "pipeline", "prompts.json")))!;

    private DdimScheduler Ddim(int steps, float eta = 0) => (DdimScheduler)_replay.Scheduler(1, steps, DiffusionSampler.Ddim, eta);

    private float[] Decode(Scheduler scheduler, float[] x, Func<int, float[]> noise) => _replay.Sample(1, scheduler, _replay.Guidance("config.json", "decoder"), x, noise);

    private void AssertEnlarged(int image, float[] small)
    {
        var (fresh, lowResolution) = (_bundle.Read("variations/sr/step_noise"), _bundle.Read("variations/sr/low_res"));
        AssertClose(Row(lowResolution, image), _replay.Enlarge(small), "low resolution");
        _replay.AddLowResolution(Row(lowResolution, image));
        Near.Run(Row(_bundle.Read("variations/sr/image"), image), Tolerance, "large images", rounding => ToUnitRange(_replay.Sample(
            2, _replay.Scheduler(2, fresh.Shape[0]), scale: 1, rounding.Of(Row(_bundle.Read("variations/sr/init_noise"), image)),
            step => Row(fresh, step * fresh.Shape[1] + image, axes: 2))));
    }
}
