using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Images;
using Dalle.ML.Tests;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Image embeddings decoded, and parts of images painted anew, against lucidrains/DALLE2-pytorch, with its recorded gaussians.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchDecoderTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private static string Root => GoldenFolder.Of("dalle2-pytorch");

    public void Dispose() => _folder.Dispose();

    // The last was sampled without normalisation: its images are in −1..1.
    [Theory]
    [InlineData("decoder", "decoder_model.pth", true, false)]
    [InlineData("decoder_variants/v_eta", "decoder_trainer.pth", false, false)]
    [InlineData("decoder_variants/xstart_unconditional", "model.pth", false, true)]
    public void Embeddings_become_the_reference_images(string folder, string file, bool hasText, bool isSymmetric)
    {
        var expected = Read($"{folder}/sample/image");
        var embeddings = File.Exists(Path.Combine(Root, folder, "image_embed.npy")) ? Read($"{folder}/image_embed") : null;
        var bundle = Export(folder, file, hasText);
        var length = bundle.Manifest.Unclip!.EmbeddingDimension;
        GenerationRequest[] requests = [.. Enumerable.Range(0, expected.Shape[0]).Select(row => new GenerationRequest(hasText ? Prompt(row) : "", (ulong)row)
        {
            ImageEmbedding = embeddings?.Floats().AsSpan(row * length, length).ToArray() ?? new float[length],
        })];
        var values = Array.ConvertAll(expected.Floats(), value => Math.Clamp(isSymmetric ? (value + 1) / 2 : value, 0, 1));
        Near.Pixels(values, Generate(bundle, $"{folder}/sample", requests), folder);
    }

    [Fact]
    public void Masked_parts_are_painted_as_in_the_reference()
    {
        var folder = "decoder";
        var bundle = Export(folder, "decoder_model.pth", hasText: true);
        var (image, mask) = (Read($"{folder}/inpaint/inpaint_image"), Read($"{folder}/inpaint/inpaint_mask"));
        var size = mask.Shape[2];
        var request = new GenerationRequest(Prompt(0), Seed: 0)
        {
            ImageEmbedding = Read($"{folder}/image_embed").Floats()[..bundle.Manifest.Unclip!.EmbeddingDimension],
            KnownPixels = new KnownPixels(new ImageTensor(size, size, image.Floats()), Array.ConvertAll(mask.Data, kept => kept != 0)),
        };
        var expected = Array.ConvertAll(Read($"{folder}/inpaint/image").Floats(), value => Math.Clamp(value, 0, 1));
        Near.Pixels(expected, Generate(bundle, $"{folder}/inpaint", [request]), folder);
    }

    private static Npy Read(string name) => Npy.Read(Path.Combine(Root, name + ".npy"));

    private static string Prompt(int row) => JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(Root, "prompts.json")))![row];

    private static float[] Generate(Bundle bundle, string recorded, GenerationRequest[] requests)
    {
        var paints = requests[0].KnownPixels is not null;
        foreach (var (number, stage) in bundle.Manifest.Unclip!.Stages.Index())
        {
            using var chain = new Dalle2Chain(Path.Combine(Root, recorded, $"unet{number + 1}_times.npy"));
            stage.Diffusion.Guidance = chain.Guidance;
            stage.InpaintPasses = paints ? chain.Passes : stage.InpaintPasses;
        }
        using var generator = new UnclipGenerator(bundle, DalleDevice.Cpu, new RecordedNoise(Path.Combine(Root, recorded), bundle.Manifest.Unclip.Stages, paints));
        var images = generator.Generate(requests, 0..1, new GenerationOptions(), progress: null, CancellationToken.None).SelectMany(group => group).ToArray();
        return [.. images.SelectMany(image => image.Decode().Values)];
    }

    private Bundle Export(string folder, string file, bool hasText)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        string[] files = hasText ? [$"{folder}/{file}", "prior/prior_model.pth", "clip/clip_state_dict.pt", "bpe_tiny.txt.gz"] : [$"{folder}/{file}"];
        BundleExporter.Export("dalle2-pytorch", [.. files.Select(name => Path.Combine(Root, name))], output);
        return Bundle.Open(output);
    }

    /// <summary>The recorded noise in the order of the original's calls, which draws it in steps that add none too; the seed is the row.</summary>
    private sealed class RecordedNoise(string folder, IReadOnlyList<DiffusionStage> stages, bool paints) : INoiseSource
    {
        public void Fill(ulong seed, NoiseKey noise, Span<float> values)
        {
            var stage = stages[noise.Stage - 1];
            var recorded = Npy.Read(Path.Combine(folder, $"noise{noise.Stage - 1}.npy"));
            var (known, passes) = paints ? (1, stage.InpaintPasses!.Value) : (0, 1);
            var leading = stage.LowResolution?.Noise is null ? 0 : 1;
            var start = leading + 1 + noise.Step * (passes * (known + 1) + passes - 1);
            var inPass = noise.Step < stage.Diffusion.Steps - 1 ? known + 2 : known + (stage.Diffusion.Sampler == DiffusionSampler.Ddpm ? 1 : 0);
            var place = noise.Use switch
            {
                NoiseUse.LowResolution => 0,
                NoiseUse.Initial => leading,
                NoiseUse.Known => start + noise.Pass * inPass,
                NoiseUse.Step => start + noise.Pass * inPass + known,
                _ => start + noise.Pass * inPass + known + 1,
            };
            recorded.Floats().AsSpan((place * recorded.Shape[1] + (int)seed) * values.Length, values.Length).CopyTo(values);
        }
    }
}
