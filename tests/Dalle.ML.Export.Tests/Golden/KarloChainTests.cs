using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// From prompts to pixels against Karlo and diffusers, with their recorded gaussians in the place of ours. The run karlo/diffusers/out is
/// compared network by network alone (<see cref="KarloRunTests"/>): at its first timestep a network's ε is amplified 20,000 times before it is
/// clamped, so that rounding in the decoder changes its picture by 4e-4; and one value of that model's super-resolution lies so near to zero
/// there that this turns it from black to white.
/// </summary>
[Trait("Category", "Golden")]
public sealed class KarloChainTests
{
    [Theory]
    // The arguments: the checkpoint, the prompts, the files of noise, {0} being a network, the embedding, the picture and the file of scales.
    [InlineData("karlo", "", "pipeline/prompts.json", "pipeline/{0}/init_noise", "pipeline/{0}/step_noise", "pipeline/prior/image_feat", "pipeline/sr/image", "config.json")]
    [InlineData("karlo", "", "prompt.json", "{0}/sample_init_noise", "{0}/sample_step_noise", "prior/sample_image_feat", "image", "config.json")]
    [InlineData("karlo-diffusers", "original", "prompt.json", "sample/{0}_init_noise", "sample/{0}_step_noise", "sample/image_embedding", "sample/image", "prompt.json")]
    [InlineData("karlo-diffusers", "diffusers", "prompt.json", "sample/{0}_init_noise", "sample/{0}_step_noise", "sample/diffusers_clip5_image_embedding", "sample/diffusers_clip5_image", "prompt.json")]
    public void Prompts_become_the_reference_embeddings_and_images(
        string family, string source, string prompts, string initial, string steps, string embedding, string image, string scales)
    {
        using var bundle = new KarloBundle(GoldenFolder.Of(family), source);
        var noise = new RecordedNoise(bundle, initial, steps);
        UseSteps(bundle.Bundle, noise, Path.Combine(bundle.Root, scales));
        using var generator = new UnclipGenerator(Bundle.Open(bundle.Bundle.Folder), DalleDevice.Cpu, noise);
        GenerationRequest[] requests = [.. Prompts(Path.Combine(bundle.Root, prompts)).Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];
        var embeddings = generator.GenerateEmbeddings(requests, new GenerationOptions(), progress: null, CancellationToken.None).ToArray();
        KarloReplay.AssertClose(bundle.Floats(embedding), embeddings.SelectMany(values => values).ToArray(), "embeddings");

        var images = generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).Select(made => made.Pixels).ToArray();
        Near.Pixels(bundle.Floats(image), [.. images.SelectMany(made => made.Values)], "images");
        var bytes = Path.Combine(bundle.Root, Path.GetDirectoryName(image)!, "..", "image_u8.npy");
        if (File.Exists(bytes))
            Near.Pixels(GoldenImages.Planes(bytes), GoldenImages.Planes(images), "images of bytes");
    }

    private static string[] Prompts(string file)
    {
        var json = JsonNode.Parse(File.ReadAllText(file))!;
        return json.GetValueKind() switch
        {
            JsonValueKind.String => [json.GetValue<string>()],
            JsonValueKind.Array => [.. json.AsArray().Select(prompt => prompt!.GetValue<string>())],
            _ => [json["prompt"]!.GetValue<string>()],
        };
    }

    /// <summary>Brings the manifest to the steps and the scales of guidance that the reference was made with.</summary>
    private static void UseSteps(Bundle bundle, RecordedNoise noise, string file)
    {
        var scales = JsonNode.Parse(File.ReadAllText(file))!;
        var path = Path.Combine(bundle.Folder, Bundle.ManifestName);
        var unclip = JsonNode.Parse(File.ReadAllText(path))!;
        Use(unclip["unclip"]!["prior"]!["diffusion"]!, 0, "prior");
        Use(unclip["unclip"]!["stages"]![0]!["diffusion"]!, 1, "decoder");
        Use(unclip["unclip"]!["stages"]![1]!["diffusion"]!, 2, "sr");
        File.WriteAllText(path, unclip.ToJsonString());

        void Use(JsonNode diffusion, int network, string name)
        {
            diffusion["steps"] = noise.Steps(network);
            if ((scales[name]?["cf_scale"] ?? scales[$"{name}_scale"] ?? scales[$"{name}_guidance"]) is { } scale)
                diffusion["guidance"] = scale.GetValue<float>();
        }
    }

    /// <summary>The recorded noise; the seed is the row.</summary>
    private sealed class RecordedNoise(KarloBundle bundle, string initial, string steps) : INoiseSource
    {
        private static readonly string[] Names = ["prior", "decoder", "sr"];

        public int Steps(int network) => Find(steps, network).Shape[0];

        public void Fill(ulong seed, NoiseKey noise, Span<float> values) => (noise.Use == NoiseUse.Initial
            ? KarloReplay.Row(Find(initial, noise.Stage), (int)seed)
            : KarloReplay.Row(Find(steps, noise.Stage), noise.Step * Find(steps, noise.Stage).Shape[1] + (int)seed, axes: 2)).CopyTo(values);

        private Npy Find(string pattern, int network) => bundle.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, Names[network]));
    }
}
