using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Text;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// What Karlo's networks and our schedulers make of given image embeddings and recorded gaussians, against Karlo: variations, the decoder
/// along a way between embeddings, DDIM.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloSamplingTests : IDisposable
{
    // Of x in −1..1; chains of many steps are less exact than one of them.
    private const float Tolerance = 1e-3f;

    // Of everything that is sampled by DDIM: README.md of the folder.
    private const float DdimGuidance = 3;

    private readonly KarloBundle _bundle = new(GoldenFolder.Of("karlo"));

    public void Dispose() => _bundle.Dispose();

    [Theory]
    [InlineData("variations", false)]
    [InlineData("variations/with_text", true)]
    public void An_image_embedding_becomes_the_reference_variations(string folder, bool hasText)
    {
        var decoder = hasText ? folder : folder + "/decoder";
        var (initial, fresh, expected) = (_bundle.Read(decoder + "/init_noise"), _bundle.Read(decoder + "/step_noise"), _bundle.Floats(decoder + "/image64"));
        var scheduler = Scheduler.Create(_bundle.Unclip.Stages[0].Diffusion, DiffusionSampler.Ddpm, fresh.Shape[0]);
        var scale = Scale("decoder");
        AddText(hasText ? Prompt : "");
        var embedding = _bundle.Floats("variations/image_feat");
        for (var image = 0; image < initial.Shape[0]; image++)
        {
            var small = Decode(scheduler, embedding, Row(initial, image), scale, step => Row(fresh, step * initial.Shape[0] + image, axes: 2));
            AssertClose(expected.AsSpan(image * small.Length, small.Length), small);
            if (!hasText)
                AssertEnlarged(image);
        }
    }

    [Theory]
    [InlineData("interpolation/slerp", "interpolation/images")]
    [InlineData("textdiff/embeddings", "textdiff/images")]
    public void Embeddings_on_a_way_become_the_reference_images(string embeddings, string images)
    {
        var (places, expected) = (_bundle.Read(embeddings), _bundle.Read(images));
        AddText("");
        var scheduler = Scheduler.Create(_bundle.Unclip.Stages[0].Diffusion, DiffusionSampler.Ddim, _bundle.Read("ddim/decoder_t").Shape[0]);
        for (var place = 0; place < places.Shape[0]; place++)
        {
            var x = _bundle.Floats("interpolation/x_T");
            AssertClose(Row(expected, place), Decode(scheduler, Row(places, place), x, DdimGuidance, _ => []));
        }
    }

    [Fact]
    public void The_prior_by_DDIM_gives_the_reference_embeddings()
    {
        var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(_bundle.Root, "pipeline", "prompts.json")))!;
        var expected = _bundle.Read("ddim/prior_image_feat");
        var timesteps = _bundle.Read("ddim/prior_t").Longs();
        var scheduler = Scheduler.Create(_bundle.Unclip.Prior!.Diffusion, DiffusionSampler.Ddim, timesteps.Length);
        Assert.Equal(timesteps, Enumerable.Range(0, scheduler.Steps).Select(scheduler.Timestep));
        var (mean, deviation) = (_bundle.Floats("clip_mean"), _bundle.Floats("clip_std"));
        for (var row = 0; row < prompts.Length; row++)
        {
            AddText(prompts[row]);
            var x = Sample(scheduler, Row(_bundle.Read("ddim/prior_init_noise"), row), Scale("prior"), _bundle.PredictPrior, _ => []);
            AssertClose(Row(expected, row), [.. x.Select((value, i) => value * deviation[i] + mean[i])]);
        }
    }

    private string Prompt => JsonSerializer.Deserialize<string>(File.ReadAllText(Path.Combine(_bundle.Root, "prompt.json")))!;

    private float Scale(string network)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(_bundle.Root, "config.json")));
        return json.RootElement.GetProperty(network).GetProperty("cf_scale").GetSingle();
    }

    /// <summary>Adds the features of a text and of none.</summary>
    private void AddText(string prompt)
    {
        var text = _bundle.Unclip.Text!;
        var tokenizer = new PromptTokenizer(_bundle.Bundle, text.Format);
        _bundle.Add("ids", [.. tokenizer.Encode(prompt), .. tokenizer.Unconditional(prompt)], 2, text.Format.Total);
        _bundle.Run(text.File);
        _bundle.Add("conditional", [true, false], 2);
    }

    private float[] Decode(Scheduler scheduler, float[] embedding, float[] x, float scale, Func<int, float[]> noise)
    {
        _bundle.Add("embedding", [.. embedding, .. embedding], 2, embedding.Length);
        return Sample(scheduler, x, scale, () => _bundle.PredictStage(0), noise, 3, _bundle.Unclip.Stages[0].Size, _bundle.Unclip.Stages[0].Size);
    }

    private void AssertEnlarged(int image)
    {
        var fresh = _bundle.Read("variations/sr/step_noise");
        var (rows, stage) = (fresh.Shape[1], _bundle.Unclip.Stages[1]);
        var scheduler = Scheduler.Create(stage.Diffusion, DiffusionSampler.Ddpm, fresh.Shape[0]);
        _bundle.Add("low_res", Row(_bundle.Read("variations/sr/low_res"), image), 1, 3, stage.Size, stage.Size);
        var left = scheduler.Steps;
        var x = Sample(
            scheduler, Row(_bundle.Read("variations/sr/init_noise"), image), scale: 1, () => _bundle.Predict(null, left-- > stage.Last!.Steps ? stage.File : stage.Last.File),
            step => Row(fresh, step * rows + image, axes: 2), 3, stage.Size, stage.Size);
        AssertClose(Row(_bundle.Read("variations/sr/image"), image), [.. x.Select(value => Math.Clamp((value + 1) / 2, 0, 1))]);
    }

    private float[] Sample(Scheduler scheduler, float[] x, float scale, Func<float[]> predict, Func<int, float[]> noise, params int[] shape)
    {
        var rows = scale == 1 ? 1 : 2;
        var clean = new float[x.Length];
        for (var step = 0; step < scheduler.Steps; step++)
        {
            _bundle.Add("x", [.. Enumerable.Repeat(x, rows).SelectMany(values => values)], [rows, .. shape.Length == 0 ? [x.Length] : shape.Select(size => (long)size)]);
            _bundle.Add("t", [.. Enumerable.Repeat(scheduler.Timestep(step), rows)], rows);
            var all = predict();
            var prediction = all[..(all.Length / rows)];
            for (var i = 0; rows == 2 && i < x.Length; i++)
                prediction[i] = all[prediction.Length + i] + scale * (all[i] - all[prediction.Length + i]);
            scheduler.PredictClean(step, x, prediction, clean);
            scheduler.Step(step, x, prediction, clean, scheduler.AddsNoise(step) ? noise(step) : []);
        }
        return x;
    }

    /// <summary>An entry of the first axes of an array.</summary>
    private static float[] Row(Npy values, int row, int axes = 1)
    {
        var length = values.Shape[axes..].Aggregate(1, (product, size) => product * size);
        return values.Floats().AsSpan(row * length, length).ToArray();
    }

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var difference = 0f;
        for (var i = 0; i < expected.Length; i++)
            difference = MathF.Max(difference, MathF.Abs(expected[i] - actual[i]) / MathF.Max(1, MathF.Abs(expected[i])));
        Assert.True(difference <= Tolerance, $"The images differ by {difference}.");
    }
}
