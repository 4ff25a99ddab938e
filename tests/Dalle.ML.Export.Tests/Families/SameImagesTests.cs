using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion;
using Dalle.ML.Tests;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>An image of DALL·E 2 is a function of model, request and options: the same alone, in any batch, however much of the model stays in memory.</summary>
public sealed class SameImagesTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("karlo")]
    [InlineData("dalle2-pytorch")]
    public void Images_are_the_same_alone_and_in_batches(string family)
    {
        using var model = DalleModel.Load(Export(family));
        var requests = Requests(model);
        var alone = requests.Select(request => Pixels(model.GenerateWithoutChoice([request], request.ImageEmbedding is null ? Options : DecoderOptions, progress: null, CancellationToken.None)).Single()).ToArray();
        Assert.Equal(alone.Length, alone.Select(Convert.ToHexString).Distinct().Count());
        foreach (var size in new[] { 4, 3, requests.Length })
        {
            var made = requests.Chunk(size).SelectMany(batch => Pixels(model.GenerateWithoutChoice(batch, batch.All(request => request.ImageEmbedding is not null) ? DecoderOptions : Options, progress: null, CancellationToken.None)));
            Assert.Equal(alone, made);
        }
        var reversed = Pixels(model.GenerateWithoutChoice([.. requests.Reverse()], Options, progress: null, CancellationToken.None));
        Assert.Equal(alone, reversed.Reverse());
    }

    [Theory]
    [InlineData("karlo")]
    [InlineData("dalle2-pytorch")]
    public void What_an_image_begins_with_does_not_change_it_in_a_batch(string family)
    {
        using var model = DalleModel.Load(Export(family));
        using MLImage image = Picture(40, 30, step: 37), other = Picture(30, 40, step: 91), mask = Mask(40, 30);
        byte[][] expected = [One(model.Vary(image, 5, options: DecoderOptions)), One(model.Vary(image, 5, strength: 0.5f, DecoderOptions)), One(model.Inpaint("a tiny cat", image, mask, 5, Options))];
        var batch = model.GenerateWithoutChoice(
            [model.VariationOf(image, 5, strength: null), model.VariationOf(image, 5, strength: 0.5f), model.InpaintingOf("a tiny cat", image, mask, 5)], Options, progress: null, CancellationToken.None);
        Assert.Equal(expected, Pixels(batch));

        // The frames of a way are variations of the places on it.
        var frames = Pixels(model.Interpolate(image, other, frames: 4, seed: 5, DecoderOptions)).ToArray();
        Assert.Equal(expected[0], frames[0]);
        Assert.Equal(One(model.Vary(other, 5, options: DecoderOptions)), frames[^1]);
        Assert.Equal(frames, Pixels(model.Interpolate(image, other, frames: 4, seed: 5, DecoderOptions)));
    }

    [Theory]
    [InlineData("karlo")]
    [InlineData("dalle2-pytorch")]
    public void Networks_that_make_room_for_each_other_give_the_same_images(string family)
    {
        var folder = Export(family);
        using var model = DalleModel.Load(folder);
        var requests = Requests(model);
        using UnclipGenerator whole = new(Bundle.Open(folder), DalleDevice.Cpu, new PhiloxNoise()), parts = new(Bundle.Open(folder), DalleDevice.Cpu, new PhiloxNoise(), memory: 0);
        var (first, second) = (new Fractions(), new Fractions());
        Assert.Equal(Generate(whole, first), Generate(parts, second));
        Assert.Equal(Embeddings(whole), Embeddings(parts));
        foreach (var fractions in new[] { first.Values, second.Values })
        {
            Assert.Equal(fractions.Order(), fractions);
            Assert.Equal(1, fractions[^1], 1e-9);
        }
        Assert.Equal(first.Values.Count, second.Values.Count);

        float[][] Generate(UnclipGenerator generator, Fractions fractions) =>
            [.. generator.Generate(requests, 0..1, Options, fractions, CancellationToken.None).SelectMany(group => group).Select(image => image.Decode().Values)];

        float[][] Embeddings(UnclipGenerator generator) =>
            [.. generator.GenerateEmbeddings([.. requests.Where(request => request.Prompt.Length > 0)], PriorOptions, progress: null, CancellationToken.None)];
    }

    // Few steps, and for Karlo's DDIM a whole stride of them.
    private static GenerationOptions Options => new() { Candidates = 1, Diffusion = new DiffusionOptions { PriorSteps = 3, DecoderSteps = 4, UpsamplerSteps = 3 } };

    private static GenerationOptions DecoderOptions => Options with { Diffusion = Options.Diffusion with { PriorSteps = null } };

    private static GenerationOptions PriorOptions => new() { Diffusion = new DiffusionOptions { PriorSteps = Options.Diffusion.PriorSteps } };

    private static GenerationRequest[] Requests(DalleModel model)
    {
        using MLImage image = Picture(40, 30, step: 37), mask = Mask(40, 30);
        return
        [
            new("a red cube", 7), model.VariationOf(image, 8, strength: null), new("three green birds", 9), model.VariationOf(image, 10, strength: 0.5f),
            model.InpaintingOf("a red cube", image, mask, 11), new("a red cube", 12), model.DecodingOf(new float[model.Info.ImageEmbeddingDimension], 13, ""), new("", 14),
        ];
    }

    private static IEnumerable<byte[]> Pixels(IEnumerable<GeneratedImage> images) => images.Select(One);

    private static byte[] One(GeneratedImage image)
    {
        using (image)
            return image.Image.Pixels.ToArray();
    }

    private static MLImage Picture(int width, int height, int step) => MLImage.CreateFromPixels(
        width, height, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * width * height).Select(i => (byte)(i % 4 == 3 ? 255 : i * step % 251))]);

    // The left half is black, the right half white.
    private static MLImage Mask(int width, int height) => MLImage.CreateFromPixels(
        width, height, MLPixelFormat.Rgba32, [.. Enumerable.Range(0, 4 * width * height).Select(i => (byte)(i % 4 == 3 || i / 4 % width >= width / 2 ? 255 : 0))]);

    private string Export(string family)
    {
        var output = Path.Combine(_folder.Path, family);
        BundleExporter.ExportRandom(family, "tiny", output);
        return output;
    }

    private sealed class Fractions : IProgress<GenerationProgress>
    {
        public List<double> Values { get; } = [];

        public void Report(GenerationProgress value) => Values.Add(value.Fraction);
    }
}
