using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>
/// lucidrains/DALLE-pytorch: <c>dalle.pt</c> as its train_dalle.py saves it, with the image autoencoder inside, or <c>vae.pt</c> of
/// train_vae.py, which makes a bundle for images alone; and its CLIP, as the ranker or on its own.
/// </summary>
internal static partial class DallePytorchFamily
{
    private const int Colors = 3;

    // The name of the layers in exported graphs.
    private const string Scope = "transformer";

    private static readonly Dictionary<string, (Config Dalle, DiscreteVae Vae)> Sizes = new()
    {
        // The width and heads that train_dalle.py begins with, deeper; one of about a billion weights; and one that takes no time.
        ["12x512"] = Random(layers: 12, dim: 512, words: 49408, textLength: 256, imageSize: 256, codes: 8192),
        ["24x1536"] = Random(layers: 24, dim: 1536, words: 49408, textLength: 256, imageSize: 256, codes: 8192),
        ["tiny"] = Random(layers: 4, dim: 64, words: 256, textLength: 16, imageSize: 32, codes: 64),
    };

    public static ModelFamily Family { get; } = new("dalle-pytorch", "dalle.pt, its tokenizer's file, perhaps clip.pt; or vae.pt alone; or clip.pt and its tokenizer's file", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads of the transformer; by default what the checkpoint's argument dim_head, or 64, makes of its attention.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var checkpoint = source.Open(0, "dalle.pt", "vae.pt", "clip.pt");
        if (source.Size is not null)
        {
            var weights = checkpoint.Subtree("weights.");
            var (dalle, vae) = Sizes[source.Size];
            var heads = dalle.Layers.Heads.Or(source.Setting("heads"));
            dalle = dalle with { Layers = dalle.Layers with { Heads = heads }, RotaryWidth = Config.Rotated(heads) };
            return WithDalle(weights, dalle, vae.Write(bundle, weights.Subtree("vae.")), TextOf(dalle, RandomTokenizer.Write(bundle)));
        }
        var arguments = new Arguments(checkpoint.Subtree("hparams."));
        if ((checkpoint.TryFindSubtree("transformer.layers.layers.0.0.scale") ?? checkpoint.TryFindSubtree("transformer.layers.blocks.0.f.net.scale")) is { } model)
        {
            var images = Images(bundle, model.Subtree("vae."), new Arguments(checkpoint.Subtree("vae_params.")));
            var config = Config.Infer(model, arguments, images.Format, source.Setting("heads"));
            var text = TextOf(config, CopyTokenizer(source, bundle));
            return WithDalle(model, config, images, text) with
            {
                Clip = source.TryOpen(2, "clip.pt") is { } clip ? Clip(bundle, clip.FindSubtree("to_text_latent.weight"), text.Tokenizer) : null,
            };
        }
        if (checkpoint.TryFindSubtree("to_text_latent.weight") is { } ranker)
            return Describe(source) with { Clip = Clip(bundle, ranker, CopyTokenizer(source, bundle)) };
        var autoencoder = checkpoint.FindSubtree("codebook.weight");
        return Describe(source, DiscreteVae.Infer(autoencoder, arguments).Write(bundle, autoencoder));

        Manifest WithDalle(Checkpoint weights, Config config, ImageGraphs images, TextFormat text) => Describe(source, images) with
        {
            Text = text,
            Decoder = Transformer(weights, config).Write(bundle, weights, source.Precision),
            // generate_images keeps half of all logits, those of the text, which are none, among them.
            Sampling = new SamplingDefaults { TopK = (config.TextIds + config.Codes) / 2 },
        };
    }

    private static Manifest Describe(ExportSource source, ImageGraphs? images = null) => new()
    {
        Format = Manifest.CurrentFormat,
        Name = source.Size is null ? Family.Name : $"{Family.Name} {source.Size}",
        Family = Family.Name,
        Precision = source.Precision.Name(),
        Image = images?.Format,
        ImageEncoder = images?.Encoder,
        ImageDecoder = images?.Decoder,
        Files = [],
    };

    private static TextFormat TextOf(Config config, TokenizerFiles tokenizer) => new()
    {
        Tokenizer = tokenizer,
        Cleaning = CleaningFor(tokenizer.Kind),
        Vocabulary = config.TextIds,
        Length = config.TextLength,
        Prefix = [0],
        Padding = Padding.PerPosition,
        PaddingId = config.TextIds - config.TextLength,
        PadAliasId = 0,
        Unconditional = UnconditionalPrompt.Padding,
    };

    /// <summary>The graphs of the autoencoder within: the project's own, OpenAI's, or one of taming-transformers.</summary>
    private static ImageGraphs Images(BundleWriter bundle, Checkpoint vae, Arguments arguments)
    {
        if (vae.Contains("codebook.weight"))
            return DiscreteVae.Infer(vae, arguments).Write(bundle, vae);
        if (vae.Contains("model.decoder.conv_in.weight"))
            return VqganImages(bundle, vae.Subtree("model."));
        if (!vae.Contains("enc.blocks.input.w"))
            throw new InvalidDataException("The checkpoint has no DiscreteVAE, OpenAIDiscreteVAE or VQGanVAE at 'weights.vae.', so it is not what train_dalle.py saves.");
        var openAi = OpenAiDvaeFamily.Export(bundle, vae.Subtree("enc."), vae.Subtree("dec."));
        return new ImageGraphs(openAi.Image!, openAi.ImageEncoder!, openAi.ImageDecoder!);
    }

    private static ImageGraphs VqganImages(BundleWriter bundle, Checkpoint weights)
    {
        // VQGanVAE takes no other size, whatever the model was trained on.
        const int ImageSize = 256;
        var config = VqganConfig.Infer(weights);
        var vqgan = new Vqgan(bundle, weights, config);
        var grid = ImageSize / config.Encoded;
        return new ImageGraphs(Square(ImageSize, grid, config.Codes), vqgan.Encoder(grid), vqgan.Decoder(grid));
    }

    /// <summary>A checkpoint does not say which tokenizer it was trained with; the file does.</summary>
    private static TokenizerFiles CopyTokenizer(ExportSource source, BundleWriter bundle)
    {
        const string Expected = "bpe_simple_vocab_16e6.txt of the project's folder dalle_pytorch/data, or the YouTokenToMe model (.model) that it was trained with";
        var file = source.TryFind(1, "bpe_simple_vocab_16e6.txt", "bpe_simple_vocab_16e6.txt.gz", "bpe.model")
            ?? throw new FileNotFoundException($"The checkpoint does not contain its tokenizer. Put beside it, or give as the second file, {Expected}.", "bpe_simple_vocab_16e6.txt");
        return new TokenizerFiles
        {
            Kind = Path.GetExtension(file) switch
            {
                ".txt" or ".gz" => TokenizerKind.ClipBpe,
                ".model" => TokenizerKind.YouTokenToMe,
                _ => throw new InvalidDataException($"'{file}' is not a tokenizer that can be exported. Give {Expected}."),
            },
            Vocabulary = bundle.Copy(file),
        };
    }

    private static TextCleaning[] CleaningFor(TokenizerKind tokenizer) => tokenizer != TokenizerKind.ClipBpe ? [] :
    [
        TextCleaning.FixText,
        TextCleaning.UnescapeHtml,
        TextCleaning.UnescapeHtml,
        TextCleaning.CollapseWhitespace,
        TextCleaning.Trim,
        TextCleaning.Lowercase,
    ];

    /// <summary>The transformer: the start of the stream, the text, and the image, whose last token is sampled and never decoded.</summary>
    private static GptDecoder Transformer(Checkpoint weights, Config config)
    {
        var (dim, grid, ids, start) = (config.Layers.Dim, config.Grid, config.TextIds + config.Codes, 1 + config.TextLength);
        return new GptDecoder
        {
            Layers = config.Layers,
            TextIds = config.TextIds,
            TextLength = config.TextLength,
            Grid = grid,
            CodebookSize = config.Codes,
            Tokens = () => config.SharesEmbeddings
                ? weights.Read("to_logits.1.weight", ids, dim)
                : Tensor.Concat(weights.Read("text_emb.weight", config.TextIds, dim), weights.Read("image_emb.weight", config.Codes, dim)),
            Positions = config.RotaryWidth > 0 ? null : () => Tensor.Concat(weights.Read("text_pos_emb.weight", start, dim), ImagePositions(weights, grid, dim)),
            RotaryAngles = config.RotaryWidth == 0 ? null : () =>
            {
                var positions = config.TextLength + grid * grid + 1;
                return weights.Read("transformer.pos_emb", 1, positions, config.RotaryWidth).Reshape(positions, config.RotaryWidth);
            },
            Mask = layer => Mask(config.Attention[layer % config.Attention.Count], start, grid),
            Scale = 1 / MathF.Sqrt(config.Layers.Heads.Size),
            ShiftsFrom = config.ShiftsTokens ? start : null,
            IsStable = config.IsStable,
            FinalNorms = ["to_logits.0"],
            Head = () => (weights.Read("to_logits.1.weight", ids, dim).Rows(config.TextIds..), weights.Read("to_logits.1.bias", ids).Rows(config.TextIds..)),
        };
    }

    private static Tensor ImagePositions(Checkpoint weights, int grid, int dim)
    {
        // The package axial_positional_embedding named them so by hand, until it took PyTorch's lists of parameters.
        var axes = weights.Contains("image_pos_emb.weights.0") ? "image_pos_emb.weights." : "image_pos_emb.weights_";
        var (row, column) = (weights.Read(axes + 0, 1, grid, 1, dim), weights.Read(axes + 1, 1, 1, grid, dim));
        return Layers.GridPositions(row.Reshape(grid, dim), column.Reshape(grid, dim));
    }

    /// <summary>What an image token sees of the image: its row, its column, or a window of 5 × 5 whose last corner it is. All see all text.</summary>
    private static AttentionMask? Mask(string kind, int start, int grid)
    {
        const int Reach = 4;
        return kind == "full" ? null : new AttentionMask(kind, (query, key) =>
        {
            var (from, to) = (query - start, key - start);
            var (rows, columns) = (from / grid - to / grid, from % grid - to % grid);
            return to < 0 || kind switch
            {
                "axial_row" => rows == 0,
                "axial_col" => columns == 0,
                _ => rows <= Reach && columns is >= 0 and <= Reach,
            };
        });
    }

    private static LayerNames Names(string prefix, bool isReversible = false, bool isSandwich = false) => new()
    {
        Attention = layer => prefix + (isReversible ? $"layers.blocks.{layer}.f.net." : $"layers.layers.{layer}.0."),
        Mlp = layer => prefix + (isReversible ? $"layers.blocks.{layer}.g.net." : $"layers.layers.{layer}.1."),
        AttentionNorm = "fn.norm",
        Qkv = new LayerName("to_qkv") { HasBias = false },
        Output = "to_out.0",
        AttentionNormOut = isSandwich ? new LayerName("fn.norm_out") : null,
        MlpNorm = "fn.norm",
        Up = "net.0",
        Down = "net.3",
        MlpNormOut = isSandwich ? new LayerName("fn.norm_out") : null,
        Scale = "scale",
        Inner = Unwrap,
        MlpScope = "feed_forward",
    };

    /// <summary>A module within its wrappers, of which a layer has more or fewer: each adds a <c>fn.</c> to the names.</summary>
    private static Checkpoint Unwrap(Checkpoint part)
    {
        string[] ends = [".to_out.0.weight", ".net.0.weight"];
        var (name, end) = part.Names.SelectMany(name => ends, (name, end) => (name, end)).FirstOrDefault(pair => pair.name.EndsWith(pair.end, StringComparison.Ordinal));
        return part.Subtree(name is null ? "fn.fn." : name[..(name.Length - end.Length + 1)]);
    }

    /// <param name="weights">The model.</param>
    /// <param name="prefix">Prefix of the layers' names.</param>
    /// <param name="headSize">Channels of a head, if their number is not given.</param>
    /// <param name="heads">Number of heads, if it is given.</param>
    /// <exception cref="InvalidDataException">The weights are not those of such layers.</exception>
    private static TransformerLayers InferLayers(Checkpoint weights, string prefix, int headSize, int? heads = null)
    {
        weights = weights.Subtree(prefix);
        var isReversible = weights.Contains("layers.blocks.0.f.net.scale");
        var first = weights.Subtree(isReversible ? "layers.blocks.0.f.net." : "layers.layers.0.0.");
        var inner = Unwrap(first).Shape("to_out.0.weight", rank: 2)[1];
        if (inner == 0 || (heads is null && inner % headSize != 0))
            throw new InvalidDataException($"The transformer's attention has {inner} channels, which are no whole number of heads of {headSize}.");
        return new TransformerLayers
        {
            Count = isReversible ? weights.Count("layers.blocks.", ".f.net.scale") : weights.Count("layers.layers.", ".0.scale"),
            Dim = first.Shape("scale", rank: 3)[2],
            Heads = AttentionHeads.Of(inner, heads ?? inner / headSize),
            Names = Names(prefix, isReversible, isSandwich: first.Contains("fn.norm_out.weight")),
            Activation = Activation.GatedGelu,
            IsReversible = isReversible,
            Scope = Scope,
        };
    }

    private sealed record ImageGraphs(ImageFormat Format, string Encoder, string Decoder);

    private static ImageFormat Square(int size, int grid, int codes) => new()
    {
        Width = size,
        Height = size,
        Rows = grid,
        Columns = grid,
        CodebookSize = codes,
        Resample = ResampleFilter.Bilinear,
    };

    /// <summary>A geometry with everything that makes the project's transformer its own, to measure speed with.</summary>
    private static (Config Dalle, DiscreteVae Vae) Random(int layers, int dim, int words, int textLength, int imageSize, int codes)
    {
        var heads = AttentionHeads.Of(dim, count: null);
        var vae = new DiscreteVae { ImageSize = imageSize, Layers = 3, Residuals = 2, Hidden = dim / 2, Codes = codes, CodeLength = dim };
        return (new Config
        {
            Layers = new TransformerLayers { Count = layers, Dim = dim, Heads = heads, Names = Names("transformer."), Activation = Activation.GatedGelu, Scope = Scope },
            TextIds = words + textLength,
            TextLength = textLength,
            Grid = vae.Grid,
            Codes = codes,
            Attention = ["full", "axial_row", "axial_col", "conv_like"],
            RotaryWidth = Config.Rotated(heads),
        }, vae);
    }

    /// <summary>What the arguments of the constructor and the shapes of the weights tell of a DALLE.</summary>
    private sealed record Config
    {
        public required TransformerLayers Layers { get; init; }

        /// <summary>Ids of the text, with one for the padding of every position.</summary>
        public required int TextIds { get; init; }

        /// <summary>Positions of the text, without the start of the stream.</summary>
        public required int TextLength { get; init; }

        /// <summary>Side of the square of image tokens.</summary>
        public required int Grid { get; init; }

        public required int Codes { get; init; }

        /// <summary>Kinds of attention: those of the first layers, then from the beginning again.</summary>
        public required IReadOnlyList<string> Attention { get; init; }

        /// <summary>Channels of each head that are rotated; 0 where positions have embeddings.</summary>
        public required int RotaryWidth { get; init; }

        public bool ShiftsTokens { get; init; } = true;

        /// <summary>Whether the last hidden states are divided by the largest of them.</summary>
        public bool IsStable { get; init; }

        /// <summary>Whether the head's weights are the embeddings of the ids.</summary>
        public bool SharesEmbeddings { get; init; }

        /// <summary>Channels of such heads that the project rotates: three times the pairs that are in a third of them.</summary>
        public static int Rotated(AttentionHeads heads) => heads.Size / 6 * 6;

        /// <exception cref="InvalidDataException">The checkpoint is not of this project, or of a kind that cannot be exported.</exception>
        public static Config Infer(Checkpoint weights, Arguments arguments, ImageFormat image, int? heads)
        {
            // What was not saved has the constructor's default.
            var textLength = arguments.Number("text_seq_len", 256);
            var config = new Config
            {
                Layers = InferLayers(weights, "transformer.", arguments.Number("dim_head", 64), heads),
                TextIds = checked(arguments.Number("num_text_tokens", 10000) + textLength),
                TextLength = textLength,
                Grid = image.Columns,
                Codes = image.CodebookSize,
                Attention = arguments.Words("attn_types", ["full"]),
                RotaryWidth = weights.Contains("transformer.pos_emb") ? weights.Shape("transformer.pos_emb", rank: 3)[2] : 0,
                ShiftsTokens = arguments.Flag("shift_tokens", true),
                IsStable = arguments.Flag("stable", false),
                SharesEmbeddings = weights.Contains("text_emb.linear.weight"),
            };
            ModelSizes.Check(config.TextLength, config.Grid);
            if (config.Attention.FirstOrDefault(kind => kind is not ("full" or "axial_row" or "axial_col" or "conv_like")) is { } unknown)
                throw new InvalidDataException($"The transformer has attention of the kind '{unknown}'; full, axial_row, axial_col and conv_like can be exported.");
            if (config.RotaryWidth % 2 != 0 || config.RotaryWidth > config.Layers.Heads.Size)
                throw new InvalidDataException($"The transformer rotates {config.RotaryWidth} of {config.Layers.Heads.Size} channels, which is not a number of pairs within them.");
            if (config.ShiftsTokens && config.Layers.Dim % 4 != 0)
                throw new InvalidDataException($"The transformer shifts quarters of {config.Layers.Dim} channels, which are no multiple of four.");
            return config;
        }
    }
}
