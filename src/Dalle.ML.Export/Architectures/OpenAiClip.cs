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
    /// <summary>Means of the colours that pixels are normalised by, of the images that OpenAI's was trained on: red, green, blue.</summary>
    public float[] Mean { get; init; } = [0.48145466f, 0.4578275f, 0.40821073f];

    /// <summary>Standard deviations of the colours, as <see cref="Mean"/>.</summary>
    public float[] Deviation { get; init; } = [0.26862954f, 0.26130258f, 0.27577711f];

    /// <param name="weights">The model.</param>
    /// <param name="textHeads">Number of attention heads of the text tower; one for 64 of the width if null.</param>
    /// <param name="imageHeads">The same of the image tower.</param>
    /// <exception cref="InvalidDataException">The weights are not those of a CLIP.</exception>
    public static OpenAiClip Infer(Checkpoint weights, int? textHeads = null, int? imageHeads = null)
    {
        var visual = weights.Subtree("visual.");
        var text = ClipText.Infer(weights, textHeads);
        var isResNet = visual.Contains("layer1.0.conv1.weight");
        var image = isResNet
            ? new ClipImage(visual.Shape("layer1.0.conv1.weight", rank: 4)[0], [.. Enumerable.Range(1, 4).Select(layer => visual.Count($"layer{layer}.", ".conv1.weight"))], Patch: null)
            : new ClipImage(visual.Shape("class_embedding", rank: 1)[0], [visual.Count("transformer.resblocks.", ".ln_1.weight")], visual.Shape("conv1.weight", rank: 4)[2]);
        var positions = visual.Shape(isResNet ? "attnpool.positional_embedding" : "positional_embedding", rank: 2)[0];
        var side = (int)Math.Sqrt(positions - 1) * (image.Patch ?? ClipResNet.Reduction);
        image = image with
        {
            Heads = ClipTower.CountHeads(isResNet ? image.Width * ClipResNet.Reduction : image.Width, imageHeads),
            Inner = isResNet ? 0 : ClipTower.InferInner(visual),
        };
        return new OpenAiClip(weights.Shape("text_projection", rank: 2)[1], side, image, text);
    }

    /// <summary>Writes the graphs of text and image.</summary>
    /// <param name="bundle">The bundle.</param>
    /// <param name="weights">The model.</param>
    /// <param name="textFeatures">What the embedding of a text as it is before it has the length 1 is called, where it is an output too.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or has another shape.</exception>
    public (string Text, string Image) Write(BundleWriter bundle, Checkpoint weights, string? textFeatures = null) =>
        (WriteText(bundle, weights, textFeatures), WriteImage(bundle, weights.Subtree("visual."), "clip_image.onnx", "embedding"));

    /// <summary>The embedding is the hidden state of the end of the text.</summary>
    private string WriteText(BundleWriter bundle, Checkpoint weights, string? raw)
    {
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var (_, x, end) = g.TextTower(Text, weights);
        x = g.LastNorm(g.Node("GatherND", [x, end], ("batch_dims", 1)), Text, weights);
        x = g.MatMul(x, Rounded(weights.Read("text_projection", Text.Width, Embedding), Text.Rounds));
        g.SaveRaw(x, Embedding, raw);
        g.SaveEmbedding(x, Embedding);
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
            ? g.VisionTransformer(x, weights, Image, patch, ImageSize, Embedding)
            : g.ResNet(x, weights, Image.Width, Image.Layers, ImageSize / ClipResNet.Reduction, Embedding);
        g.SaveRaw(x, Embedding, raw);
        g.SaveEmbedding(x, Embedding, output);
        return file;
    }
}

/// <summary>A tower of CLIP.</summary>
/// <param name="Width">Channels of a hidden state.</param>
internal abstract record ClipTower(int Width)
{
    /// <summary>Number of attention heads.</summary>
    public int Heads { get; init; } = Width / HeadSize;

    /// <summary>Channels between the two products of a layer.</summary>
    public int Inner { get; init; } = 4 * Width;

    /// <summary>The nonlinearity between them.</summary>
    public Activation Activation { get; init; } = Activation.QuickGelu;

    /// <summary>Whether the weights are rounded when they are loaded: <see cref="ClipTransformer.Rounded"/>.</summary>
    public bool Rounds { get; init; } = true;

    /// <summary>The number of attention heads of a tower: the given one, else one for 64 of its width.</summary>
    /// <exception cref="InvalidDataException">It cannot have that number.</exception>
    public static int CountHeads(int width, int? given) => given switch
    {
        null when width % HeadSize == 0 => width / HeadSize,
        null => throw new InvalidDataException($"A tower of this CLIP is {width} wide; attention heads of {HeadSize} do not fit into it."),
        > 0 and { } heads when width % heads == 0 => heads,
        _ => throw new InvalidDataException($"A tower of this CLIP is {width} wide, which {given} attention heads do not divide."),
    };

    /// <summary>As <see cref="Inner"/>.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of a tower.</exception>
    public static int InferInner(Checkpoint tower) => tower.Shape("transformer.resblocks.0.mlp.c_fc.weight", rank: 2)[0];
}

/// <summary>The image tower of CLIP.</summary>
/// <param name="Width">Channels of a hidden state, or behind the first convolutions of a ResNet.</param>
/// <param name="Layers">Number of layers, or of bottlenecks in each of the four stages of a ResNet.</param>
/// <param name="Patch">Side of the square of pixels that is one position; null of a ResNet.</param>
internal sealed record ClipImage(int Width, int[] Layers, int? Patch) : ClipTower(Width);

/// <summary>The text tower of CLIP.</summary>
/// <param name="Width">Channels of a hidden state.</param>
/// <param name="Layers">Number of layers.</param>
/// <param name="Length">Number of ids that a text takes.</param>
/// <param name="Vocabulary">Number of ids.</param>
internal sealed record ClipText(int Width, int Layers, int Length = 77, int Vocabulary = 49408) : ClipTower(Width)
{
    /// <summary>Number of positions that the weights have, which may be more than <see cref="Length"/>.</summary>
    public int Positions { get; init; } = Length;

    /// <summary>The id whose hidden state becomes the embedding; null where it is the largest of a text.</summary>
    public int? End { get; init; }

    /// <param name="weights">The model.</param>
    /// <param name="heads">Number of attention heads; one for 64 of the width if null.</param>
    /// <exception cref="InvalidDataException">The weights are not those of a text tower.</exception>
    public static ClipText Infer(Checkpoint weights, int? heads = null)
    {
        var width = weights.Shape("ln_final.weight", rank: 1)[0];
        return new ClipText(
            width,
            weights.Count("transformer.resblocks.", ".ln_1.weight"),
            weights.Shape("positional_embedding", rank: 2)[0],
            weights.Shape("token_embedding.weight", rank: 2)[0])
        {
            Heads = CountHeads(width, heads),
            Inner = InferInner(weights),
        };
    }
}
