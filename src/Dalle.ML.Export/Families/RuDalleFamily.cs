using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// ru-dALLE (ai-forever/ru-dalle): Malevich and the models trained further from it, and Kandinsky. One stream of text and image as in DALL·E,
/// with its sparse attention; layers are normed at both ends, as in CogView (Ding et al. 2021). Its images are those of a VQGAN with 8 × 8
/// pixels a token, or 16 × 16 where a wavelet transform makes them twice as large.
/// </summary>
internal static class RuDalleFamily
{
    private const string Name = "ru-dalle";

    // Ids of the tokenizer.
    private const int Padding = 0;
    private const int Start = 2;
    private const int End = 3;

    private static readonly LayerNames Names = new()
    {
        Attention = layer => $"transformer.layers.{layer}.",
        Mlp = layer => $"transformer.layers.{layer}.",
        AttentionNorm = Norm("input_layernorm"),
        Qkv = "attention.query_key_value",
        Output = "attention.dense",
        AttentionNormOut = Norm("before_first_addition_layernorm"),
        MlpNorm = Norm("post_attention_layernorm"),
        Up = "mlp.dense_h_to_4h",
        Down = "mlp.dense_4h_to_h",
        MlpNormOut = Norm("before_second_addition_layernorm"),
    };

    // The project keeps them beside the folders of its models.
    private static readonly string[] VqganFiles =
    [
        "vqgan.gumbelf8-sber.model.ckpt", "vqgan.gumbelf8-sber-dwt.model.ckpt", "vqgan.ckpt",
        "../vqgan.gumbelf8-sber.model.ckpt", "../vqgan.gumbelf8-sber-dwt.model.ckpt",
    ];

    private static readonly Dictionary<string, (Config Transformer, VqganConfig Images)> Sizes = new()
    {
        ["malevich"] = (Config.Published(layers: 24, dim: 2048, heads: 16), VqganConfig.F8),
        ["kandinsky"] = (Config.Published(layers: 64, dim: 3840, heads: 60), VqganConfig.F8),
        ["tiny"] = (Config.Published(layers: 4, dim: 64, heads: 4) with { Grid = 8 }, VqganConfig.F8 with { Channels = [32, 32, 32, 32], Stem = 32 }),
    };

    public static ModelFamily Family { get; } = new(
        Name, "a folder with pytorch_model.bin, vqgan.gumbelf8-sber.model.ckpt and bpe.model, or these files in this order", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads; by default that in config.json (num_attention_heads), "
                + "else Malevich's 16 for a width of 2048, else one for 64 of the width.",
            ["version"] = "2 for models with an id before the text and windows that continue at the opposite edge, or 3; "
                + "by default what the checkpoint's conv_mask tells, else 3.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var transformer = source.OpenModel(0, "text_embeddings.weight", "pytorch_model.bin", "pytorch_model_v3.bin", "pytorch_model_v2.bin", "model.safetensors");
        var images = source.OpenModel(1, "quantize.proj.weight", VqganFiles);
        var config = source.Size is { } size ? Config.Random(size, source) : Config.Infer(transformer, source);
        var vqgan = source.Size is { } random ? Sizes[random].Images : VqganConfig.Infer(images);
        if (vqgan.CodebookSize != config.CodebookSize)
            throw new InvalidDataException($"The VQGAN has a codebook of {vqgan.CodebookSize} and the transformer one of {config.CodebookSize}: they belong to different models.");
        var tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle);
        var decoder = Transformer(transformer, config).Write(bundle, transformer, source.Precision);
        var graphs = new Vqgan(bundle, images, vqgan).Write(config.Grid);
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = source.Size ?? Name,
            Family = Name,
            Precision = source.Precision.Name(),
            Image = vqgan.Images(config.Grid),
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = [TextCleaning.Lowercase, TextCleaning.Trim],
                Vocabulary = config.TextIds,
                Length = config.TextLength,
                Prefix = config.HasPrefix ? [Start] : [],
                BosTokens = [Start],
                EosTokens = [End],
                PadAliasId = Padding,
                Padding = Bundles.Padding.PerPosition,
                PaddingId = config.TextIds - config.TextLength,
            },
            Decoder = decoder,
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { TopK = 2048, TopP = 0.995f },
            Files = [],
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.YouTokenToMe,
        Vocabulary = bundle.Copy(source.Find(2, "bpe.model", "../bpe.model"), "bpe.model"),
    };

    private static GptDecoder Transformer(Checkpoint weights, Config config) => new()
    {
        Layers = new TransformerLayers { Count = config.Layers, Dim = config.Dim, Heads = config.Heads, Names = Names, Activation = Activation.TanhGelu, ClampsAttention = true },
        TextIds = config.TextIds,
        TextLength = config.TextLength,
        Grid = config.Grid,
        CodebookSize = config.CodebookSize,
        Tokens = () => Tensor.Concat(
            weights.Read("text_embeddings.weight", config.TextIds, config.Dim), weights.Read("image_embeddings.weight", config.CodebookSize, config.Dim)),
        Positions = () => Tensor.Concat(
            weights.Read("text_pos_embeddings.weight", config.TextLength + 1, config.Dim).Rows(..(config.HasPrefix ? config.TextLength + 1 : config.TextLength)),
            Architectures.Layers.GridPositions(
                weights.Read("image_row_embeddings.weight", config.Grid, config.Dim), weights.Read("image_col_embeddings.weight", config.Grid, config.Dim))),
        Mask = layer => config.Sparsity.Mask(layer, config.Layers),
        FinalNorms = [Norm("transformer.final_layernorm"), Norm("to_logits.0")],
        Head = () => (
            weights.Read("to_logits.1.weight", config.TextIds + config.CodebookSize, config.Dim).Rows(config.TextIds..),
            weights.Read("to_logits.1.bias", config.TextIds + config.CodebookSize).Rows(config.TextIds..)),
    };

    private static LayerName Norm(string name) => new(name) { IsScope = true };

    /// <param name="Layers">Number of layers.</param>
    /// <param name="Dim">Number of values that stand for a token between them.</param>
    /// <param name="Heads">The attention heads of each.</param>
    /// <param name="TextLength">Number of text ids with padding.</param>
    /// <param name="TextIds">Number of ids of text and padding.</param>
    /// <param name="Grid">Side of the square of image tokens.</param>
    /// <param name="CodebookSize">Number of ids of the image.</param>
    /// <param name="HasPrefix">Whether an id begins the stream, which the masks take no account of (version 2).</param>
    private sealed record Config(int Layers, int Dim, AttentionHeads Heads, int TextLength, int TextIds, int Grid, int CodebookSize, bool HasPrefix)
    {
        public SparseAttention Sparsity => new(TextLength, Grid) { IsToroidal = HasPrefix };

        public static Config Published(int layers, int dim, int heads) =>
            new(layers, dim, AttentionHeads.Of(dim, heads), TextLength: 128, TextIds: 16384 + 128, Grid: 32, CodebookSize: 8192, HasPrefix: false);

        public static Config Random(string size, ExportSource source)
        {
            var config = Sizes[size].Transformer;
            return config with { Heads = config.Heads.Or(source.Setting("heads")), HasPrefix = IsSecond(source) ?? config.HasPrefix };
        }

        /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
        public static Config Infer(Checkpoint weights, ExportSource source)
        {
            var dim = weights.Shape("text_embeddings.weight", rank: 2)[1];
            var config = new Config(
                weights.Count("transformer.layers.", ".input_layernorm.weight"),
                dim,
                AttentionHeads.Of(dim, source.Setting("heads") ?? source.Configured("num_attention_heads") ?? (dim == 2048 ? 16 : null)),
                TextLength: weights.Shape("text_pos_embeddings.weight", rank: 2)[0] - 1,
                TextIds: weights.Shape("text_embeddings.weight", rank: 2)[0],
                Grid: weights.Shape("image_row_embeddings.weight", rank: 2)[0],
                CodebookSize: weights.Shape("image_embeddings.weight", rank: 2)[0],
                HasPrefix: false);
            ModelSizes.Check(config.TextLength, config.Grid);
            return config with { HasPrefix = IsSecond(source) ?? config.WrapsIn(weights) };
        }

        /// <summary>Whether the version is the second; null where the caller does not say.</summary>
        private static bool? IsSecond(ExportSource source) => source.Setting("version") switch
        {
            null => null,
            2 => true,
            3 => false,
            var version => throw new ArgumentException($"The setting version is {version}; it must be 2 or 3."),
        };

        /// <summary>Whether the checkpoint's mask of windows shows the upper left corner to the upper right one, which is far from it.</summary>
        private bool WrapsIn(Checkpoint weights)
        {
            var size = TextLength + Grid * Grid;
            var (query, key) = (TextLength + Grid - 1, TextLength);
            return weights.Names.FirstOrDefault(name => name.EndsWith("conv_mask", StringComparison.Ordinal)) is { } mask
                && weights.Read(mask, size, size).Values[query * size + key] != 0
                && !Sparsity.Sees(SparsePattern.Convolutional, query, key);
        }
    }
}
