using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Text.Tokenizers;
using static Dalle.ML.Export.Architectures.ClipTransformer;
using static Dalle.ML.Onnx.TensorProto.Types;

namespace Dalle.ML.Export.Families;

/// <summary>
/// CLIP as OpenAI publishes it (openai/CLIP): a TorchScript archive or the state of its model, whose image tower is a vision transformer or
/// a ResNet, and the list of merges of its tokenizer. A bundle of its own, which ranks, and which other models take their ranker from.
/// </summary>
internal static class ClipFamily
{
    private const string Name = "clip";

    private static readonly TextCleaning[] Cleaning =
    [
        TextCleaning.FixText, TextCleaning.UnescapeHtml, TextCleaning.UnescapeHtml, TextCleaning.CollapseWhitespace, TextCleaning.Trim, TextCleaning.Lowercase,
    ];

    // Of the images that it was trained on: red, green, blue.
    private static readonly float[] Mean = [0.48145466f, 0.4578275f, 0.40821073f];
    private static readonly float[] Deviation = [0.26862954f, 0.26130258f, 0.27577711f];

    private static readonly Dictionary<string, Config> Sizes = new()
    {
        ["ViT-B/32"] = new(512, 224, new Tower(768, [12], Patch: 32), new Prompt(512, 12)),
        ["ViT-B/16"] = new(512, 224, new Tower(768, [12], Patch: 16), new Prompt(512, 12)),
        ["ViT-L/14"] = new(768, 224, new Tower(1024, [24], Patch: 14), new Prompt(768, 12)),
        ["ViT-L/14@336px"] = new(768, 336, new Tower(1024, [24], Patch: 14), new Prompt(768, 12)),
        ["RN50"] = new(1024, 224, new Tower(64, [3, 4, 6, 3], Patch: null), new Prompt(512, 12)),
        ["RN101"] = new(512, 224, new Tower(64, [3, 4, 23, 3], Patch: null), new Prompt(512, 12)),
        ["RN50x4"] = new(640, 288, new Tower(80, [4, 6, 10, 6], Patch: null), new Prompt(640, 12)),
        ["RN50x16"] = new(768, 384, new Tower(96, [6, 8, 18, 8], Patch: null), new Prompt(768, 12)),
        ["RN50x64"] = new(1024, 448, new Tower(128, [3, 15, 36, 10], Patch: null), new Prompt(1024, 12)),
        ["tiny"] = new(32, 64, new Tower(64, [2], Patch: 16), new Prompt(64, 2, Vocabulary: 258)),
        ["tiny-RN"] = new(32, 64, new Tower(8, [1, 2, 1, 1], Patch: null), new Prompt(64, 2, Vocabulary: 258)),
    };

    private static readonly string[] Checkpoints =
        ["model.pt", "model.safetensors", .. Sizes.Keys.Select(size => size.Replace('/', '-').Replace('@', '-') + ".pt")];

    public static ModelFamily Family { get; } = new(
        Name, "the published file with bpe_simple_vocab_16e6.txt.gz, or vocab.json and merges.txt, beside or behind it", Export)
    {
        Sizes = [.. Sizes.Keys],
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var weights = source.OpenModel(0, "ln_final.weight", Checkpoints);
        var config = source.Size is { } size ? Sizes[size] : Config.Infer(weights);
        var tokenizer = source.Size is null ? Tokenizer(source, bundle, config) : RandomTokenizer.Write(bundle);
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = source.Size ?? Name,
            Family = Name,
            Precision = Precision.Fp32.Name(),
            Clip = new ClipGraphs
            {
                TextEncoder = TextEncoder(bundle, weights, config),
                ImageEncoder = ImageEncoder(bundle, weights.Subtree("visual."), config),
                Text = new TextFormat
                {
                    Tokenizer = tokenizer,
                    Cleaning = Cleaning,
                    Vocabulary = config.Text.Vocabulary,
                    Length = config.Text.Length,
                    BosTokens = [config.Text.Vocabulary - 2],
                    EosTokens = [config.Text.Vocabulary - 1],
                    KeepEnd = true,
                    Padding = Padding.Shared,
                    PaddingId = 0,
                },
                EmbeddingDimension = config.Embedding,
                ImageSize = config.ImageSize,
                Transparency = Transparency.Dropped,
                Scale = MathF.Exp(weights.Read("logit_scale", []).Values[0]),
            },
            Files = [],
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle, Config config)
    {
        var vocabulary = source.TryFind(1, "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "vocab.json") ?? throw new FileNotFoundException(
            "A CLIP's checkpoint has no tokenizer. Put bpe_simple_vocab_16e6.txt.gz (of openai/CLIP), or vocab.json and merges.txt, beside it, or name them behind it.");
        var merges = Path.GetExtension(vocabulary) == ".json" ? source.Find(2, "merges.txt") : null;
        var tokens = merges is null ? BpeFiles.ReadClip(vocabulary).Vocabulary : BpeFiles.Read(vocabulary, merges).Vocabulary;
        var (start, end) = (tokens.GetValueOrDefault(ClipBpe.StartOfText), tokens.GetValueOrDefault(ClipBpe.EndOfText));
        if ((start, end) != (config.Text.Vocabulary - 2, config.Text.Vocabulary - 1))
            throw new InvalidDataException($"The tokenizer '{vocabulary}' has {tokens.Count} tokens and the model {config.Text.Vocabulary}: it is another model's.");
        return new TokenizerFiles
        {
            Kind = TokenizerKind.ClipBpe,
            Vocabulary = bundle.Copy(vocabulary),
            Merges = merges is null ? null : bundle.Copy(merges),
        };
    }

    /// <summary>The state of the end of the text, which is the largest id.</summary>
    private static string TextEncoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        const string File = "clip_text.onnx";
        using var g = bundle.Graph(File);
        var (text, width) = (config.Text, config.Text.Width);
        var ids = g.Input("ids", DataType.Int64, "batch", text.Length);
        var tokens = g.Node("Gather", [g.Weight("token", weights.Read("token_embedding.weight", text.Vocabulary, width)), ids]);
        var x = g.Node("Add", [tokens, g.Weight("position", weights.Read("positional_embedding", text.Length, width))]);
        x = g.Transformer(x, weights.Subtree("transformer."), text.Layers, width, isCausal: true);
        var end = g.Node("ArgMax", [g.Cast(ids, DataType.Int64, DataType.Float)], ("axis", 1), ("keepdims", 1));
        x = g.LayerNorm(g.Node("GatherND", [x, end], ("batch_dims", 1)), weights.Read("ln_final.weight", width), weights.Read("ln_final.bias", width));
        return Embedding(g, g.MatMul(x, Half(weights.Read("text_projection", width, config.Embedding))), config, File);
    }

    private static string ImageEncoder(BundleWriter bundle, Checkpoint weights, Config config)
    {
        const string File = "clip_image.onnx";
        using var g = bundle.Graph(File);
        var pixels = g.Input("pixels", DataType.Float, "batch", 3, config.ImageSize, config.ImageSize);
        var x = g.Node("Sub", [pixels, g.Weight("mean", new Tensor(Mean, isHalf: false, 3, 1, 1))]);
        x = g.Node("Div", [x, g.Weight("deviation", new Tensor(Deviation, isHalf: false, 3, 1, 1))]);
        var image = config.Image;
        x = image.Patch is { } patch
            ? VisionTransformer(g, x, weights, image, patch, config)
            : g.ResNet(x, weights, image.Width, image.Layers, config.ImageSize / ClipResNet.Reduction, config.Embedding);
        return Embedding(g, x, config, File);
    }

    private static string VisionTransformer(GraphBuilder g, string x, Checkpoint weights, Tower image, int patch, Config config)
    {
        var (width, patches) = (image.Width, config.ImageSize / patch * (config.ImageSize / patch));
        using (g.Scope("patches"))
        {
            x = g.Convolution(x, Half(weights.Read("conv1.weight", width, 3, patch, patch)), bias: null, stride: patch);
            x = g.Node("Transpose", [g.Node("Reshape", [x, g.Constant("columns", 0, width, patches)])], ("perm", new long[] { 0, 2, 1 }));

            // The token of the class comes first: zeros, to which its embedding is added together with that of its position.
            var positions = weights.Read("positional_embedding", patches + 1, width);
            var first = weights.Read("class_embedding", width).Values.Zip(positions.Values, (token, position) => token + position);
            var added = new Tensor([.. first, .. positions.Values[width..]], isHalf: false, patches + 1, width);
            x = g.Node("Add", [g.Node("Pad", [x, g.Constant("class", 0, 1, 0, 0, 0, 0)]), g.Weight("position", added)]);
            x = g.LayerNorm(x, weights.Read("ln_pre.weight", width), weights.Read("ln_pre.bias", width));
        }
        x = g.Transformer(x, weights.Subtree("transformer."), image.Layers[0], width, isCausal: false);
        x = g.Node("Gather", [x, g.Scalar("class", 0L)], ("axis", 1));
        x = g.LayerNorm(x, weights.Read("ln_post.weight", width), weights.Read("ln_post.bias", width));
        return g.MatMul(x, Half(weights.Read("proj", width, config.Embedding)));
    }

    private static string Embedding(GraphBuilder g, string x, Config config, string file)
    {
        g.Node("LpNormalization", [x], ["embedding"], ("axis", -1), ("p", 2));
        g.Output("embedding", DataType.Float, "batch", config.Embedding);
        g.Save();
        return file;
    }

    /// <summary>The image tower.</summary>
    /// <param name="Width">Number of values of a hidden state, or channels behind a ResNet's first convolutions.</param>
    /// <param name="Layers">Number of layers, or of bottlenecks in each of a ResNet's four layers.</param>
    /// <param name="Patch">Side of the square of pixels that is one token; null of a ResNet.</param>
    private sealed record Tower(int Width, int[] Layers, int? Patch);

    /// <summary>The text tower.</summary>
    private sealed record Prompt(int Width, int Layers, int Length = 77, int Vocabulary = 49408);

    private sealed record Config(int Embedding, int ImageSize, Tower Image, Prompt Text)
    {
        /// <exception cref="InvalidDataException">The weights are no CLIP's.</exception>
        public static Config Infer(Checkpoint weights)
        {
            var visual = weights.Subtree("visual.");
            var text = new Prompt(
                weights.Shape("ln_final.weight", rank: 1)[0],
                weights.Count("transformer.resblocks.", ".ln_1.weight"),
                weights.Shape("positional_embedding", rank: 2)[0],
                weights.Shape("token_embedding.weight", rank: 2)[0]);
            var isResNet = visual.Contains("layer1.0.conv1.weight");
            var image = isResNet
                ? new Tower(visual.Shape("layer1.0.conv1.weight", rank: 4)[0], [.. Enumerable.Range(1, 4).Select(layer => visual.Count($"layer{layer}.", ".conv1.weight"))], Patch: null)
                : new Tower(visual.Shape("class_embedding", rank: 1)[0], [visual.Count("transformer.resblocks.", ".ln_1.weight")], visual.Shape("conv1.weight", rank: 4)[2]);
            var positions = visual.Shape(isResNet ? "attnpool.positional_embedding" : "positional_embedding", rank: 2)[0];
            var side = (int)Math.Sqrt(positions - 1) * (image.Patch ?? ClipResNet.Reduction);
            foreach (var width in new[] { text.Width, isResNet ? image.Width * ClipResNet.Reduction : image.Width })
            {
                if (width % HeadSize != 0)
                    throw new InvalidDataException($"A tower of this CLIP is {width} wide; attention heads of {HeadSize} do not fit into it.");
            }
            return new Config(weights.Shape("text_projection", rank: 2)[1], side, image, text);
        }
    }
}
