using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Clip;
using Dalle.ML.Images;
using Dalle.ML.Onnx;
using Dalle.ML.Tests;
using Dalle.ML.Text;
using Dalle.ML.Text.Cleaning;
using Dalle.ML.Text.Tokenizers;
using Google.Protobuf;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Bundles of ruCLIP's files, of both generations, against what the code of ru-clip and of transformers 4.10 made of them: ids, pixels, embeddings,
/// scores, and the order in which ru-dALLE picks its images.
/// </summary>
/// <remarks>
/// Not compared: the <c>pieces</c> of tokenizer_cases.json, as our tokenizer gives ids alone. The hidden states of the older generation's padding,
/// which nothing looks at, are those of another mask.
/// </remarks>
[Trait("Category", "Golden")]
public sealed partial class RuClipTests : IDisposable
{
    private const string Family = "ru-clip";

    // What the processors normalise pixels by where config.json does not say: those of CLIP, and of ImageNet before.
    private static readonly (float[] Mean, float[] Deviation) Current = ([0.48145466f, 0.4578275f, 0.40821073f], [0.26862954f, 0.26130258f, 0.27577711f]);
    private static readonly (float[] Mean, float[] Deviation) Older = ([0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static IEnumerable<TheoryDataRow<string>> Checkpoints() => GoldenFolder.Files(Family, "pytorch_model.bin", "model.safetensors");

    public static IEnumerable<TheoryDataRow<string>> NearSquares() => GoldenFolder.Files(Family, "near_square_variants_u8.npy");

    public static IEnumerable<TheoryDataRow<string>> Predictors() => GoldenFolder.Files(Family, "predictor.json");

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Texts_become_the_reference_ids(string file)
    {
        var bundle = Open(file);
        var format = bundle.Manifest.Clip!.Text;
        var tokenizer = new PromptTokenizer(bundle, format);
        var (cases, expected) = (Cases(), Read(file, "input_ids"));
        var rows = cases.Select(item => tokenizer.Encode(item.Text)).ToArray();
        var words = TextTokenizer.Open(bundle.Folder, format.Tokenizer);
        foreach (var (i, row) in rows.Index())
        {
            Assert.Equal(cases[i].Ids, words.Encode(TextCleaner.Clean(cases[i].Text, format.Cleaning)).Select(id => (long)id));
            // The older processor pads to the longest text of its batch only.
            long[] ids = expected.Longs()[(i * expected.Shape[1])..((i + 1) * expected.Shape[1])];
            Assert.Equal([.. ids, .. new long[row.Length - ids.Length]], row);
        }
        if (!IsOlder(file))
        {
            Assert.Equal(cases.Select(item => item.InputIds), rows);
        }
        else
        {
            Assert.Equal(Read(file, "attention_mask").Longs(), rows.SelectMany(row => row.Take(expected.Shape[1])).Select(id => id == 0 ? 0L : 1));
            Assert.Equal(Read(file, "pooled_positions").Longs(), rows.Select(row => (long)Array.IndexOf(row, row.Max())));
        }
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Texts_and_images_become_the_reference_embeddings_and_scores(string file)
    {
        var bundle = Open(file);
        var graphs = bundle.Manifest.Clip!;
        using var clip = new ClipModel(bundle, graphs, DalleDevice.Cpu);
        var texts = Cases().Select(item => clip.EmbedPlainText(item.Text)).ToArray();
        var pixels = Read(file, "pixels");
        var images = pixels.Floats().Chunk(pixels.Shape[1] * pixels.Shape[2] * pixels.Shape[3])
            .Select(image => clip.EmbedImage(new ImageTensor(pixels.Shape[3], pixels.Shape[2], Unnormalized(file, image)))).ToArray();
        Near.Values(Read(file, "logits_per_image").Floats(), [.. images.SelectMany(image => texts.Select(text => clip.Score(text, image)))], "scores");
        float[] allTexts = [.. texts.SelectMany(text => text)], allImages = [.. images.SelectMany(image => image)];
        if (IsOlder(file))
        {
            Near.Values(Read(file, "text_embeds").Floats(), allTexts, "text embeddings");
            Near.Values(Read(file, "image_embeds").Floats(), allImages, "image embeddings");
            Near.Values(Read(file, "text_pooled").Floats(), Raw(bundle, "LayerNormalization", [.. Cases().Select(item => item.Text)]), "text before its projection");
            return;
        }
        Near.Values(Read(file, "text_features").Floats(), Raw(bundle, "LpNormalization", [.. Cases().Select(item => item.Text)]), "text features");
        Near.Values(Normalized(Read(file, "text_features").Floats(), graphs.EmbeddingDimension), allTexts, "text embeddings");
        Near.Values(Normalized(Read(file, "image_features").Floats(), graphs.EmbeddingDimension), allImages, "image embeddings");
    }

    /// <summary>A class is the mean of the features of several texts about it, which the bundle has as its templates.</summary>
    [Theory]
    [MemberData(nameof(Predictors))]
    public void Classes_and_pictures_are_those_of_the_predictor(string file)
    {
        var bundle = Open(file);
        var dimension = bundle.Manifest.Clip!.EmbeddingDimension;
        var predictor = JsonDocument.Parse(File.ReadAllBytes(PathOf(file))).RootElement;
        var (classes, templates) = (Strings(predictor.GetProperty("classes")), Strings(predictor.GetProperty("templates")));
        var texts = templates.Select(template => classes.Select(label => template.Replace("{}", label.ToLowerInvariant().Trim(), StringComparison.Ordinal)).ToArray()).ToArray();
        Assert.Equal(predictor.GetProperty("texts").EnumerateArray().Select(Strings), texts);
        Assert.Equal(templates, bundle.Manifest.Clip!.Templates);
        using var model = DalleModel.Load(bundle.Folder);
        Near.Values(Read(file, "predictor_text_latents").Floats(), [.. classes.SelectMany(model.EmbedText)], "classes");

        var expected = Read(file, "predictor_image_latents").Floats().Chunk(dimension);
        foreach (var (name, latents) in Pictures(file).Zip(expected).Where(pair => IsOpaque(pair.First)))
            Near.Values(latents, model.EmbedImage(Picture(name)), name);
    }

    [Theory]
    [MemberData(nameof(Checkpoints))]
    public void Pictures_are_cropped_and_resampled_as_in_the_reference(string file)
    {
        var graphs = Open(file).Manifest.Clip!;
        var pixels = Read(file, "pixels").Floats();
        var size = 3 * graphs.ImageSize * graphs.ImageSize;
        foreach (var (name, expected) in Pictures(file).Zip(pixels.Chunk(size)))
        {
            var fitted = Fitted(graphs, Straight(name));
            Assert.Equal(Bytes(Unnormalized(file, expected)), Bytes(fitted));
            // ML.NET keeps colours multiplied by their opacity: of a nearly invisible pixel little is left of its colour.
            using var image = Picture(name);
            var (wanted, seen) = (Unnormalized(file, expected), Fitted(graphs, ImageTensor.WithOpacity(image).WithoutOpacity()));
            if (IsOpaque(name))
                Near.Pixels(wanted, seen, name);
            else
                Assert.InRange(wanted.Zip(seen).Count(pair => Math.Abs(pair.First - pair.Second) > 1.001f / 255), 0, wanted.Length / 10);
        }
        if (IsOlder(file))
            return;
        byte[] all = [.. Pictures(file).SelectMany(name => Interleaved(Bytes(Fitted(graphs, Straight(name)))))];
        Assert.Equal(Read(file, "pixels_u8").Data, all);
    }

    /// <summary>Where the crop of the reference is random, ours is one of its results.</summary>
    [Theory]
    [MemberData(nameof(NearSquares))]
    public void A_picture_that_is_nearly_square_is_cropped_as_in_one_of_the_variants(string file)
    {
        var (graphs, variants) = (Open(file).Manifest.Clip!, Npy.Read(PathOf(file)));
        var fitted = Interleaved(Bytes(Fitted(graphs, Straight("near_square"))));
        Assert.Contains(variants.Data.Chunk(variants.Data.Length / variants.Shape[0]), variant => variant.SequenceEqual(fitted));
    }

    private static float[] Fitted(ClipGraphs graphs, ImageTensor picture) => Resampler.Fit(picture, graphs.ImageSize, graphs.Fit, graphs.Resample).Values;

    /// <summary>What a node of the text graph takes or gives, of each text.</summary>
    private static float[] Raw(Bundle bundle, string type, string[] texts)
    {
        var graphs = bundle.Manifest.Clip!;
        var model = ModelProto.Parser.ParseFrom(File.ReadAllBytes(bundle.PathOf(graphs.TextEncoder)));
        var node = model.Graph.Node.Last(node => node.OpType == type);
        var value = type == "LpNormalization" ? node.Input[0] : node.Output[0];
        model.Graph.Output.Clear();
        model.Graph.Output.Add(new ValueInfoProto { Name = value });
        // Beside the graph, where its weights are.
        var copy = bundle.PathOf(graphs.TextEncoder) + ".raw.onnx";
        File.WriteAllBytes(copy, model.ToByteArray());
        using var session = new InferenceSession(copy);
        var tokenizer = new PromptTokenizer(bundle, graphs.Text);
        long[] ids = [.. texts.SelectMany(tokenizer.Encode)];
        using var input = OrtValue.CreateTensorValueFromMemory(ids, [texts.Length, graphs.Text.Total]);
        using var options = new RunOptions();
        using var outputs = session.Run(options, ["ids"], [input], [value]);
        return outputs[0].GetTensorDataAsSpan<float>().ToArray();
    }

    private static bool IsOlder(string file)
    {
        using var config = Config(file);
        return config.RootElement.TryGetProperty("text_config", out _);
    }

    private static JsonDocument Config(string file) => JsonDocument.Parse(File.ReadAllBytes(Beside(file, "config.json")));

    private static string PathOf(string file) => Path.Combine(GoldenFolder.Root, file);

    private static string Beside(string file, string name) => Path.Combine(Path.GetDirectoryName(PathOf(file))!, name);

    private static Npy Read(string file, string name) => Npy.Read(Beside(file, name + ".npy"));

    private static string[] Strings(JsonElement array) => [.. array.EnumerateArray().Select(item => item.GetString()!)];

    private static string[] Pictures(string file)
    {
        using var cherries = JsonDocument.Parse(File.ReadAllBytes(Beside(file, "cherry_pick.json")));
        return Strings(cherries.RootElement.GetProperty("pictures"));
    }

    private static MLImage Picture(string name) => new ImageReader().Read(Path.Combine(GoldenFolder.Of(Family), "images", name + ".png"));

    private static bool IsOpaque(string picture) => picture != "rgba";

    /// <summary>The colours of a file, not multiplied by their opacity.</summary>
    private static ImageTensor Straight(string name)
    {
        using var codec = SkiaSharp.SKCodec.Create(Path.Combine(GoldenFolder.Of(Family), "images", name + ".png"));
        var info = new SkiaSharp.SKImageInfo(codec.Info.Width, codec.Info.Height, SkiaSharp.SKColorType.Rgba8888, SkiaSharp.SKAlphaType.Unpremul);
        var (pixels, area) = (new byte[info.BytesSize], info.Width * info.Height);
        Assert.Equal(SkiaSharp.SKCodecResult.Success, codec.GetPixels(info, pixels));
        return new ImageTensor(info.Width, info.Height, [.. Enumerable.Range(0, 3 * area).Select(i => pixels[i % area * 4 + i / area] / 255f)]);
    }

    private static byte[] Bytes(float[] values) => Array.ConvertAll(values, value => (byte)MathF.Round(value * 255));

    private static byte[] Interleaved(byte[] planes) => [.. Enumerable.Range(0, planes.Length).Select(i => planes[i % 3 * (planes.Length / 3) + i / 3])];

    private static float[] Normalized(float[] features, int dimension) =>
        [.. features.Chunk(dimension).SelectMany(row => row.Select(value => value / MathF.Sqrt(row.Sum(other => other * other))))];

    private static float[] Unnormalized(string file, float[] pixels)
    {
        using var config = Config(file);
        var (mean, deviation) = IsOlder(file) ? Older : Current;
        float[] Given(string name, float[] otherwise) =>
            config.RootElement.TryGetProperty(name, out var given) && given.ValueKind == JsonValueKind.Array ? [.. given.EnumerateArray().Select(value => value.GetSingle())] : otherwise;
        (mean, deviation) = (Given("mean", mean), Given("std", deviation));
        return [.. pixels.Select((value, i) => value * deviation[i / (pixels.Length / 3)] + mean[i / (pixels.Length / 3)])];
    }

    private static (string Text, long[] Ids, long[] InputIds)[] Cases()
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of(Family), "tokenizer_cases.json")));
        long[] Ids(JsonElement item, string name) => [.. item.GetProperty(name).EnumerateArray().Select(id => id.GetInt64())];
        return [.. json.RootElement.EnumerateArray().Select(item => (item.GetProperty("text").GetString()!, Ids(item, "ids"), Ids(item, "input_ids")))];
    }

    private Bundle Open(string file) => Bundle.Open(Export(file));

    /// <summary>The bundle of a checkpoint, or of that which lies beside a file.</summary>
    private string Export(string file)
    {
        var output = Path.Combine(_folder.Path, "bundle");
        var checkpoint = Path.GetExtension(file) is ".bin" or ".safetensors" ? PathOf(file) : Beside(file, "pytorch_model.bin");
        BundleExporter.Export(Family, [checkpoint, Path.Combine(GoldenFolder.Of(Family), "bpe.model"), Beside(file, "config.json")], output);
        return output;
    }
}
