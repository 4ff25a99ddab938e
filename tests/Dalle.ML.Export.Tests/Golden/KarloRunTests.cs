using System.Text.Json;
using System.Text.Json.Nodes;
using static Dalle.ML.Export.Tests.Golden.KarloReplay;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Recorded runs of Karlo and of diffusers from a prompt to pixels, a network at a time, each from what was recorded before it; whole chains are
/// in <see cref="KarloChainTests"/>.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloRunTests
{
    [Fact]
    public void Karlo_one_image() => Compare(new Run("karlo", "", "prompt.json", "config.json")
    {
        Initial = "{0}/sample_init_noise",
        Noise = "{0}/sample_step_noise",
        Embedding = "prior/sample_image_feat",
        DecoderSteps = "decoder/sample_steps",
        LowResolution = "sr/upsampled",
        UpsamplerSteps = "sr/sample_steps",
        Image = "image",
    });

    [Fact]
    public void Karlo_in_its_own_layout() => Compare(new Run("karlo-diffusers", "original", "prompt.json", "prompt.json")
    {
        Initial = "sample/{0}_init_noise",
        Noise = "sample/{0}_step_noise",
        Embedding = "sample/image_embedding",
        DecoderSteps = "sample/decoder_steps",
        LowResolution = "sample/upsampled",
        UpsamplerSteps = "sample/sr_first_and_last_step",
        Image = "sample/image",
    });

    [Fact]
    public void Diffusers() => Compare(new Run("karlo", "diffusers", "diffusers/prompt.json", "diffusers/out/call.json")
    {
        Networks = ["prior", "decoder", "super_res"],
        Noise = "diffusers/out/{0}_noise",
        Embedding = "diffusers/out/image_embeddings",
        DecoderSteps = "diffusers/out/decoder_steps",
        LowResolution = "diffusers/out/upscaled",
        UpsamplerSteps = "diffusers/out/super_res_steps",
        Image = "diffusers/out/image",
    });

    [Fact]
    public void A_batch_of_Karlo()
    {
        using var bundle = new KarloBundle(GoldenFolder.Of("karlo"));
        var replay = new KarloReplay(bundle);
        var prompts = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(bundle.Root, "pipeline", "prompts.json")))!;
        Npy x64 = bundle.Read("pipeline/decoder/image64"), lowResolution = bundle.Read("pipeline/sr/low_res"), raw = bundle.Read("pipeline/decoder/raw"), guided = bundle.Read("pipeline/decoder/guided_eps_step0");
        var scale = replay.Guidance("config.json", "decoder");
        for (var row = 0; row < prompts.Length; row++)
        {
            AssertClose(Row(lowResolution, row), replay.Enlarge(Row(x64, row)), "low resolution");
            var (with, without, expected) = (Row(raw, row, axes: 2), Row(raw, prompts.Length + row, axes: 2), Row(guided, row));
            AssertClose(expected, [.. expected.Select((_, i) => without[i] + scale * (with[i] - without[i]))], "guided noise");
        }
    }

    private static void Compare(Run run)
    {
        using var bundle = new KarloBundle(GoldenFolder.Of(run.Family), run.Source);
        var replay = new KarloReplay(bundle);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(bundle.Root, run.Prompt)))!;
        replay.AddText((json.GetValueKind() == JsonValueKind.String ? json : json["prompt"]!).GetValue<string>());
        var embedding = Sample(0, after: null);
        AssertClose(bundle.Floats(run.Embedding), replay.Embedding(embedding), "embedding");

        replay.AddEmbedding(bundle.Floats(run.Embedding));
        var small = Sample(1, run.DecoderSteps);
        AssertClose(bundle.Floats(run.LowResolution), replay.Enlarge(small), "low resolution");

        replay.AddLowResolution(bundle.Floats(run.LowResolution));
        AssertClose(bundle.Floats(run.Image), ToUnitRange(Sample(2, run.UpsamplerSteps)), "image");

        float[] Sample(int network, string? after)
        {
            var name = run.Networks[network];
            var noise = bundle.Read(Format(run.Noise));
            // Without a file of its own the initial noise is the first of the others; of the last step, which adds none, there is none then.
            var leading = run.Initial is null ? 1 : 0;
            var initial = run.Initial is null ? Row(noise, 0) : Row(bundle.Read(Format(run.Initial)), 0);
            var steps = noise.Shape[0];
            var recorded = after is null ? null : bundle.Read(after);
            // The first row of the noise is the conditional one's.
            return replay.Sample(network, replay.Scheduler(network, steps), replay.Guidance(run.Scales, name), initial, step => Row(noise, (step + leading) * noise.Shape[1], axes: 2), step =>
                // Of some there are the first and the last step alone; between them steps add up.
                recorded is not null && (recorded.Shape[0] == steps || step == 0) ? Row(recorded, step) : null);

            string Format(string pattern) => string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, name);
        }
    }

    /// <summary>The files of a run; {0} stands for the name of a network.</summary>
    private sealed record Run(string Family, string Source, string Prompt, string Scales)
    {
        public string[] Networks { get; init; } = ["prior", "decoder", "sr"];

        public string? Initial { get; init; }

        public required string Noise { get; init; }

        public required string Embedding { get; init; }

        public required string DecoderSteps { get; init; }

        public required string LowResolution { get; init; }

        public required string UpsamplerSteps { get; init; }

        public required string Image { get; init; }
    }
}
