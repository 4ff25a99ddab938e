using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Images;
using Dalle.ML.Tests;
using Dalle.ML.Text;
using Microsoft.ML.Data;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Bundles of CLIP's files against what OpenAI's own code made of them: ids, then embeddings, then scores.</summary>
[Trait("Category", "Golden")]
public sealed partial class ClipTests : IDisposable
{
    private const string Vocabulary = "bpe_tiny.txt.gz";

    // Of the images that CLIP was trained on; the reference's pixels are normalised by them, and so are the graph's.
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Checkpoints() =>
        GoldenFolder.Files("openai-clip", "model_jit.pt", "model_state_dict.pt", "model.safetensors");

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Texts_and_images_become_the_reference_embeddings_and_scores(string file)
    {
        var bundle = Bundle.Open(Export(file));
        var graphs = bundle.Manifest.Clip!;
        Assert.Equal(Read(file, "tokens").Longs(), Prompts(file).SelectMany(new PromptTokenizer(bundle, graphs.Text).Encode));

        using var clip = new ClipModel(bundle, graphs, DalleDevice.Cpu);
        var texts = Prompts(file).Select(clip.EmbedText).ToArray();
        Near.Values(Normalized(Read(file, "text_features")), [.. texts.SelectMany(text => text)], "text embeddings");
        var pixels = Read(file, "pixels");
        var images = pixels.Floats().Chunk(pixels.Shape[1] * pixels.Shape[2] * pixels.Shape[3])
            .Select(image => clip.EmbedImage(new ImageTensor(pixels.Shape[3], pixels.Shape[2], Unnormalized(image)))).ToArray();
        Near.Values(Normalized(Read(file, "image_features")), [.. images.SelectMany(image => image)], "image embeddings");
        Near.Values(Read(file, "logits_per_image").Floats(), [.. images.SelectMany(image => texts.Select(text => clip.Score(text, image)))], "scores");
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void A_picture_file_has_the_reference_scores(string file)
    {
        using var model = DalleModel.Load(Export(file));
        Assert.Equal((false, false, true), (model.Info.CanGenerate, model.Info.CanEncode, model.Info.HasClip));
        var expected = Read(file, "logits_per_image");
        var scores = Enumerable.Range(0, expected.Shape[0])
            .Select(number => MLImage.CreateFromFile(Beside(file, Path.Combine("images", $"photo{number}.png"))))
            .SelectMany(image => Prompts(file).Select(prompt => model.Score(prompt, image)));
        Near.Values(expected.Floats(), [.. scores], "scores");
    }

    /// <summary>A file in the checkpoint's folder, or in the nearest one around it.</summary>
    private static string Beside(string file, string name)
    {
        for (var folder = Path.GetDirectoryName(file); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (Path.Combine(GoldenFolder.Root, folder, name) is var path && File.Exists(path))
                return path;
        }
        Assert.Skip($"'{name}' is not with '{file}'.");
        return "";
    }

    private static Npy Read(string file, string name) => Npy.Read(Beside(file, name + ".npy"));

    private static string[] Prompts(string file) => JsonSerializer.Deserialize<string[]>(File.ReadAllBytes(Beside(file, "prompts.json")))!;

    private static float[] Normalized(Npy features) =>
        [.. features.Floats().Chunk(features.Shape[1]).SelectMany(row => row.Select(value => value / MathF.Sqrt(row.Sum(other => other * other))))];

    private static float[] Unnormalized(float[] pixels) =>
        [.. pixels.Select((value, i) => value * Deviation[i / (pixels.Length / 3)] + Mean[i / (pixels.Length / 3)])];

    private string Export(string file)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        BundleExporter.Export("clip", [Path.Combine(GoldenFolder.Root, file), Beside(file, Vocabulary)], output);
        return output;
    }
}
