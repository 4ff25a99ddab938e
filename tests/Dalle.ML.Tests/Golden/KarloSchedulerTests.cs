using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;
using Dalle.ML.Images;

namespace Dalle.ML.Tests.Golden;

/// <summary>
/// The schedulers against kakaobrain/karlo: from its networks' recorded outputs and gaussians to the same x. Needs no network.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloSchedulerTests
{
    private const float Tolerance = 2e-4f;

    private static readonly DiffusionRules Prior = Rules(Prediction.Clean, Variance.Posterior, clamp: 10);
    private static readonly DiffusionRules Decoder = Rules(Prediction.Noise, Variance.Learned, clamp: 1);
    private static readonly DiffusionRules SuperResolution = Rules(Prediction.Noise, Variance.Posterior, clamp: 1);

    private static string Folder => GoldenFolder.Of("karlo");

    [Fact]
    public void Respaced_timesteps_are_those_of_the_reference()
    {
        var cases = JsonSerializer.Deserialize<Dictionary<string, int[]>>(File.ReadAllText(Path.Combine(Folder, "schedules", "space_timesteps.json")))!;
        foreach (var (respacing, timesteps) in cases)
        {
            // Sections of different densities ("10,15,20"), of which fast27 is one, are not offered.
            if (int.TryParse(respacing, out var count))
                Assert.Equal(timesteps, Respacing.Spread(1000, count));
            else if (respacing.StartsWith("ddim", StringComparison.Ordinal))
                Assert.Equal(timesteps, Respacing.Strided(1000, timesteps.Length));
        }
    }

    [Fact]
    public void Tables_are_those_of_the_reference()
    {
        var schedules = Path.Combine(Folder, "schedules");
        AssertClose(Doubles(Path.Combine(schedules, "betas1000.npy")), BetaSchedule.Cosine(1000));
        var tables = Directory.GetFiles(schedules, "*_betas.npy").Select(file => Path.GetFileName(file)[..^"_betas.npy".Length]).ToArray();
        Assert.NotEmpty(tables);
        foreach (var table in tables)
        {
            var expected = Doubles(Path.Combine(schedules, $"{table}_betas.npy"));
            var process = DiffusionProcess.Of(Decoder.Schedule).Respace(Respacing.Spread(1000, expected.Length));
            Matches("betas", process.Beta);
            Matches("alphas_cumprod", process.Signal);
            Matches("posterior_variance", process.PosteriorVariance);
            Matches("posterior_log_variance_clipped", process.PosteriorLogVariance);
            Matches("posterior_mean_coef1", process.SampleWeight);
            Matches("posterior_mean_coef2", process.CurrentWeight);
            Matches("sqrt_recip_alphas_cumprod", t => Math.Sqrt(1 / process.Signal(t)));
            Matches("sqrt_recipm1_alphas_cumprod", t => Math.Sqrt(1 / process.Signal(t) - 1));

            void Matches(string name, Func<int, double> actual) =>
                AssertClose(Doubles(Path.Combine(schedules, $"{table}_{name}.npy")), [.. Enumerable.Range(0, process.Count).Select(actual)]);
        }
    }

    [Theory]
    [InlineData("prior")]
    [InlineData("decoder")]
    [InlineData("sr")]
    public void Tables_of_a_network_are_those_of_the_reference(string network)
    {
        Npy Read(string name) => Npy.Read(Path.Combine(Folder, network, name + ".npy"));
        var timesteps = Read("timestep_map").Longs();
        var kept = Respacing.Spread(1000, timesteps.Length);
        Assert.Equal(timesteps, kept.Select(t => (long)t));
        var process = DiffusionProcess.Of(Decoder.Schedule).Respace(kept);
        AssertClose(Read("betas").Floats(), [.. kept.Select((_, t) => (float)process.Beta(t))], 1e-6f);
        AssertClose(Read("posterior_log_variance_clipped").Floats(), [.. kept.Select((_, t) => (float)process.PosteriorLogVariance(t))], 1e-6f);
    }

    [Fact]
    public void Enlarged_images_are_those_of_the_reference()
    {
        var files = Directory.GetFiles(Path.Combine(Folder, "resample"), "bicubic_*.npy").Select(file => Path.GetFileNameWithoutExtension(file).Split('_')).Where(words => words.Length == 3).ToArray();
        Assert.NotEmpty(files);
        foreach (var words in files)
        {
            var (from, expected) = (Npy.Read(Path.Combine(Folder, "resample", $"in_{words[1]}.npy")), Npy.Read(Path.Combine(Folder, "resample", string.Join('_', words) + ".npy")));
            var image = new ImageTensor(from.Shape[3], from.Shape[2], from.Floats());
            AssertClose(expected.Floats(), FloatResampler.Squash(image, expected.Shape[3], expected.Shape[2]).Values, 1e-5f);
        }
    }

    [Theory]
    [InlineData("prior")]
    [InlineData("decoder")]
    [InlineData("sr")]
    public void Steps_of_the_pipeline_are_those_of_the_reference(string stage)
    {
        var folder = Path.Combine(Folder, "pipeline", stage);
        var (x, clean, noise) = (Read("x"), Read("pred_xstart"), Read("step_noise"));
        var rules = stage switch { "prior" => Prior, "decoder" => Decoder, _ => SuperResolution };
        var (steps, rows) = (x.Shape[0], x.Shape[1]);
        var length = x.Floats().Length / steps / rows;
        var scheduler = new DdpmScheduler(rules, Respacing.Spread(1000, steps));
        Assert.Equal(Longs("t_model"), Enumerable.Range(0, steps).Select(scheduler.Timestep));
        // Super-resolution has no raw outputs: its steps are compared from x0 on.
        var raw = File.Exists(PathOf("raw")) ? Read("raw") : null;
        var guidance = Guidance(stage);
        for (var step = 0; step < steps; step++)
        {
            for (var row = 0; row < rows; row++)
            {
                var state = Part(x, step, row, length);
                var estimate = Part(clean, step, row, length);
                var prediction = raw is null ? [] : Guided(raw, step, row, rows, length, guidance);
                if (raw is not null)
                {
                    scheduler.PredictClean(step, state, prediction, estimate);
                    AssertClose(Part(clean, step, row, length), estimate, Tolerance);
                    if (stage == "decoder")
                    {
                        var variance = Enumerable.Range(0, length).Select(i => scheduler.LogVariance(step, prediction, length, i)).ToArray();
                        AssertClose(Part(Read("log_variance"), step, row, length), variance, Tolerance);
                    }
                }
                var mean = new float[length];
                scheduler.PredictMean(step, state, estimate, mean);
                AssertClose(Part(Read("mean"), step, row, length), mean, Tolerance);
                scheduler.Step(step, state, prediction, estimate, Part(noise, step, row, length));
                if (step < steps - 1)
                    AssertClose(Part(x, step + 1, row, length), state, Tolerance);
                else if (stage == "decoder")
                    AssertClose(Read("image64").Floats().AsSpan(row * length, length), state, Tolerance);
            }
        }

        Npy Read(string name) => Npy.Read(PathOf(name));
        long[] Longs(string name) => Read(name).Longs();
        string PathOf(string name) => Path.Combine(folder, name + ".npy");
    }

    [Fact]
    public void Ddim_steps_are_those_of_the_reference()
    {
        var (steps, clean) = (Npy.Read(Path.Combine(Folder, "ddim", "decoder_steps.npy")), Npy.Read(Path.Combine(Folder, "ddim", "decoder_pred_xstart.npy")));
        var rows = steps.Shape[1];
        var length = steps.Floats().Length / steps.Shape[0] / rows;
        var scheduler = DdimScheduler.Create(Decoder, steps.Shape[0], eta: 0);
        Assert.Equal(Npy.Read(Path.Combine(Folder, "ddim", "decoder_t.npy")).Longs(), Enumerable.Range(0, scheduler.Steps).Select(scheduler.Timestep));
        var noise = Npy.Read(Path.Combine(Folder, "ddim", "decoder_init_noise.npy")).Floats();
        for (var row = 0; row < rows; row++)
        {
            var x = noise.AsSpan(row * length, length).ToArray();
            for (var step = 0; step < scheduler.Steps; step++)
            {
                Assert.False(scheduler.AddsNoise(step));
                scheduler.Step(step, x, [], Part(clean, step, row, length), []);
                AssertClose(Part(steps, step, row, length), x, Tolerance);
                x = Part(steps, step, row, length);
            }
        }
    }

    private static DiffusionRules Rules(Prediction prediction, Variance variance, float clamp) => new()
    {
        Prediction = prediction,
        Schedule = new() { Betas = Betas.Cosine, Timesteps = 1000 },
        Variance = variance,
        Clamp = new() { Kind = ClampKind.Range, Value = clamp },
        Steps = 25,
    };

    /// <summary>The scale of the pipeline's guidance, as the configuration states it.</summary>
    private static float Guidance(string stage)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, "config.json")));
        return json.RootElement.GetProperty(stage).TryGetProperty("cf_scale", out var scale) ? scale.GetSingle() : 1;
    }

    private static float[] Guided(Npy raw, int step, int row, int rows, int length, float scale)
    {
        var size = raw.Floats().Length / raw.Shape[0] / raw.Shape[1];
        var (conditional, unconditional) = (Part(raw, step, row, size), Part(raw, step, rows + row, size));
        for (var i = 0; i < length; i++)
            conditional[i] = unconditional[i] + scale * (conditional[i] - unconditional[i]);
        return conditional;
    }

    private static float[] Part(Npy values, int step, int row, int length) =>
        values.Floats().AsSpan((step * values.Shape[1] + row) * length, length).ToArray();

    private static double[] Doubles(string path) => System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(Npy.Read(path).Data).ToArray();

    private static void AssertClose(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, float tolerance)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(MathF.Abs(expected[i] - actual[i]) <= tolerance * MathF.Max(1, MathF.Abs(expected[i])), $"[{i}]: {actual[i]} is not {expected[i]}");
    }

    private static void AssertClose(double[] expected, double[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-8 * Math.Abs(expected[i]), $"[{i}]: {actual[i]} is not {expected[i]}");
    }
}
