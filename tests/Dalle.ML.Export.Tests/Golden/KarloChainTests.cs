using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;

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
        UseSteps(bundle.Bundle, new RecordedNoise(bundle, initial, steps, Rounding.None), Path.Combine(bundle.Root, scales));
        UnclipGenerator Generator(Rounding rounding) => new(Bundle.Open(bundle.Bundle.Folder), DalleDevice.Cpu, new RecordedNoise(bundle, initial, steps, rounding));
        GenerationRequest[] requests = [.. Prompts(Path.Combine(bundle.Root, prompts)).Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];
        using (var generator = Generator(Rounding.None))
        {
            var embeddings = generator.GenerateEmbeddings(requests, new GenerationOptions(), progress: null, CancellationToken.None).ToArray();
            Near.Values(bundle.Floats(embedding), embeddings.SelectMany(values => values).ToArray(), "embeddings");
        }
        Near.PixelsOfRun(bundle.Floats(image), "images", rounding => [.. Images(rounding).SelectMany(made => made.Values)]);
        var bytes = Path.Combine(bundle.Root, Path.GetDirectoryName(image)!, "..", "image_u8.npy");
        if (File.Exists(bytes))
            Near.PixelsOfRun(GoldenImages.Planes(bytes), "images of bytes", rounding => GoldenImages.Planes(Images(rounding)));

        ImageTensor[] Images(Rounding rounding)
        {
            using var generator = Generator(rounding);
            return [.. generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).SelectMany(group => group).Select(made => made.Decode())];
        }
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
    private sealed class RecordedNoise(KarloBundle bundle, string initial, string steps, Rounding rounding) : INoiseSource
    {
        private static readonly string[] Names = ["prior", "decoder", "sr"];

        public int Steps(int network) => Find(steps, network).Shape[0];

        public void Fill(ulong seed, NoiseKey noise, Span<float> values) => rounding.Of(noise.Use == NoiseUse.Initial
            ? KarloReplay.Row(Find(initial, noise.Stage), (int)seed)
            : KarloReplay.Row(Find(steps, noise.Stage), noise.Step * Find(steps, noise.Stage).Shape[1] + (int)seed, axes: 2)).CopyTo(values);

        private Npy Find(string pattern, int network) => bundle.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, Names[network]));
    }
}
