using Dalle.ML.Export.Checkpoints;
using static Dalle.ML.Export.Architectures.ClipTransformer;
using static Dalle.ML.Export.Architectures.ImageLayers;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Architectures;

/// <summary>CLIP (Radford et al. 2021, openai/CLIP: clip/model.py): a causal transformer for the text, a vision transformer or a ResNet for the image.</summary>
/// <param name="Embedding">Dimension of the embedding.</param>
/// <param name="ImageSize">Side of the images in pixels.</param>
/// <param name="Image">The image tower.</param>
/// <param name="Text">The text tower.</param>
internal sealed record OpenAiClip(int Embedding, int ImageSize, ClipImage Image, ClipText Text)
{
    // Statistics of the images that it was trained on: red, green, blue.
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <exception cref="InvalidDataException">The weights are not those of a CLIP.</exception>
    public static OpenAiClip Infer(Checkpoint weights)
    {
        var visual = weights.Subtree("visual.");
        var text = ClipText.Infer(weights);
        var isResNet = visual.Contains("layer1.0.conv1.weight");
        var image = isResNet
            ? new ClipImage(visual.Shape("layer1.0.conv1.weight", rank: 4)[0], [.. Enumerable.Range(1, 4).Select(layer => visual.Count($"layer{layer}.", ".conv1.weight"))], Patch: null)
            : new ClipImage(visual.Shape("class_embedding", rank: 1)[0], [visual.Count("transformer.resblocks.", ".ln_1.weight")], visual.Shape("conv1.weight", rank: 4)[2]);
        var positions = visual.Shape(isResNet ? "attnpool.positional_embedding" : "positional_embedding", rank: 2)[0];
        var side = (int)Math.Sqrt(positions - 1) * (image.Patch ?? ClipResNet.Reduction);
        CheckHeads(isResNet ? image.Width * ClipResNet.Reduction : image.Width);
        return new OpenAiClip(weights.Shape("text_projection", rank: 2)[1], side, image, text);
    }

    /// <exception cref="InvalidDataException">A tower cannot have heads.</exception>
    internal static void CheckHeads(int width)
    {
        if (width % HeadSize != 0)
            throw new InvalidDataException($"A tower of this CLIP is {width} wide; attention heads of {HeadSize} do not fit into it.");
    }

    /// <summary>Writes the graphs of text and image.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string Text, string Image) Write(BundleWriter bundle, Checkpoint weights) =>
        (WriteText(bundle, weights), WriteImage(bundle, weights.Subtree("visual."), "clip_image.onnx", "embedding"));

    /// <summary>The embedding is the hidden state of the end of the text.</summary>
    private string WriteText(BundleWriter bundle, Checkpoint weights)
    {
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var (_, x, end) = g.TextTower(Text, weights);
        x = g.LastNorm(g.Node("GatherND", [x, end], ("batch_dims", 1)), Text, weights);
        g.SaveEmbedding(g.MatMul(x, Rounded(weights.Read("text_projection", Text.Width, Embedding))), Embedding);
        return File;
    }

    /// <summary>Writes the graph of the image tower.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="weights">The tensors that begin with <c>visual.</c></param>
    /// <param name="file">The graph's file.</param>
    /// <param name="output">What its embedding, of length 1, is called.</param>
    /// <param name="raw">What the embedding as it is without that is called, where it is an output too.</param>
    public string WriteImage(BundleWriter bundle, Checkpoint weights, string file, string output, string? raw = null)
    {
        using var g = bundle.Graph(file);
        var pixels = g.Input("pixels", DataType.Float, "batch", Colors, ImageSize, ImageSize);
        var x = g.Node("Sub", [pixels, g.Weight("mean", new Tensor(Mean, isFloat16: false, Colors, 1, 1))]);
        x = g.Node("Div", [x, g.Weight("deviation", new Tensor(Deviation, isFloat16: false, Colors, 1, 1))]);
        x = Image.Patch is { } patch
            ? g.VisionTransformer(x, weights, Image.Width, Image.Layers[0], patch, ImageSize, Embedding, Image.Rounds)
            : g.ResNet(x, weights, Image.Width, Image.Layers, ImageSize / ClipResNet.Reduction, Embedding);
        if (raw is not null)
        {
            g.Node("Identity", [x], [raw]);
            g.Output(raw, DataType.Float, "batch", Embedding);
        }
        g.SaveEmbedding(x, Embedding, output);
        return file;
    }
}

/// <summary>The image tower of CLIP.</summary>
/// <param name="Width">Channels of a hidden state, or behind the first convolutions of a ResNet.</param>
/// <param name="Layers">Number of layers, or of bottlenecks in each of the four stages of a ResNet.</param>
/// <param name="Patch">Side of the square of pixels that is one position; null of a ResNet.</param>
internal sealed record ClipImage(int Width, int[] Layers, int? Patch)
{
    /// <summary>Whether the weights are rounded when they are loaded: <see cref="ClipTransformer.Rounded"/>.</summary>
    public bool Rounds { get; init; } = true;
}

/// <summary>The text tower of CLIP.</summary>
/// <param name="Width">Channels of a hidden state.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Length">Number of positions.</param>
/// <param name="Vocabulary">Number of ids.</param>
internal sealed record ClipText(int Width, int Layers, int Length = 77, int Vocabulary = 49408)
{
    /// <summary>As <see cref="ClipImage.Rounds"/>.</summary>
    public bool Rounds { get; init; } = true;

    /// <exception cref="InvalidDataException">The weights are not those of a text tower.</exception>
    public static ClipText Infer(Checkpoint weights)
    {
        var width = weights.Shape("ln_final.weight", rank: 1)[0];
        OpenAiClip.CheckHeads(width);
        return new ClipText(
            width,
            weights.Count("transformer.resblocks.", ".ln_1.weight"),
            weights.Shape("positional_embedding", rank: 2)[0],
            weights.Shape("token_embedding.weight", rank: 2)[0]);
    }
}
