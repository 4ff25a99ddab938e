using System.Text.Json;
using System.Text.Json.Nodes;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>From prompts to pixels against Karlo and diffusers, with their recorded gaussians in the place of ours.</summary>
[Trait("Category", "Golden")]
public sealed class KarloChainTests
{
    [Theory]
    // The arguments: the checkpoint, the prompts, the files of noise, {0} being a network, the picture, the file of scales, and which part
    // of the pixels must be right. At its first timestep super-resolution multiplies the difference of x and noise by 20,000 and clamps it.
    // One of the untrained models has a value so near to zero there that changes of 4e-4 in the enlarged picture turn it from black to
    // white, and its surroundings keep some of that. Each of its steps is right (KarloDiffusersTests).
    [InlineData("karlo", "", "pipeline/prompts.json", "pipeline/{0}/init_noise", "pipeline/{0}/step_noise", "pipeline/sr/image", "config.json")]
    [InlineData("karlo", "", "prompt.json", "{0}/sample_init_noise", "{0}/sample_step_noise", "image", "config.json")]
    [InlineData("karlo", "diffusers", "diffusers/prompt.json", null, "diffusers/out/{0}_noise", "diffusers/out/image", "diffusers/out/call.json", 0.95)]
    [InlineData("karlo-diffusers", "original", "prompt.json", "sample/{0}_init_noise", "sample/{0}_step_noise", "sample/image", "prompt.json")]
    [InlineData("karlo-diffusers", "diffusers", "prompt.json", "sample/{0}_init_noise", "sample/{0}_step_noise", "sample/diffusers_clip5_image", "prompt.json")]
    public void Prompts_become_the_reference_images(string family, string source, string prompts, string? initial, string steps, string image, string scales, double part = 1)
    {
        using var bundle = new KarloBundle(GoldenFolder.Of(family), source);
        var noise = new RecordedNoise(bundle, initial, steps);
        UseSteps(bundle.Bundle, noise, Path.Combine(bundle.Root, scales));
        using var generator = new UnclipGenerator(Bundle.Open(bundle.Bundle.Folder), DalleDevice.Cpu, noise);
        GenerationRequest[] requests = [.. Prompts(Path.Combine(bundle.Root, prompts)).Select((prompt, i) => new GenerationRequest(prompt, (ulong)i))];
        var actual = generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).SelectMany(made => made.Pixels.Values).ToArray();
        Near.Pixels(bundle.Floats(image), actual, "images", part);
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

    /// <summary>The recorded noise. The seed is the row; where there are no files of initial noise it comes first in the others.</summary>
    private sealed class RecordedNoise(KarloBundle bundle, string? initial, string steps) : INoiseSource
    {
        private readonly string[] _names = initial is null ? ["prior", "decoder", "super_res"] : ["prior", "decoder", "sr"];

        // Of the last step, whose noise counts nothing, diffusers has none.
        public int Steps(int network) => Find(steps, network).Shape[0];

        public void Fill(ulong seed, NoiseKey noise, Span<float> values)
        {
            var isInitial = noise.Use == NoiseUse.Initial;
            var recorded = Find(isInitial && initial is not null ? initial : steps, noise.Stage);
            var hasSteps = !isInitial || initial is null;
            var place = isInitial ? 0 : initial is null ? noise.Step + 1 : noise.Step;
            var rows = recorded.Shape[hasSteps ? 1 : 0];
            recorded.Floats().AsSpan((place * rows + (int)seed) * values.Length, values.Length).CopyTo(values);
        }

        private Npy Find(string pattern, int network) => bundle.Read(string.Format(System.Globalization.CultureInfo.InvariantCulture, pattern, _names[network]));
    }
}
