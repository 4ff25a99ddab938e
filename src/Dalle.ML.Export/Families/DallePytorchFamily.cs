using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Models;

namespace Dalle.ML.Export.Families;

/// <summary>
/// lucidrains/DALLE-pytorch: <c>dalle.pt</c> as its train_dalle.py saves it, with the image autoencoder inside, or <c>vae.pt</c> of
/// train_vae.py, which makes a bundle for images alone; and its CLIP as the ranker, if there is one.
/// </summary>
internal static partial class DallePytorchFamily
{
    private static readonly Dictionary<string, Config> Sizes = new()
    {
        // The width and heads that train_dalle.py begins with, deeper, over images of vae.pt's usual size; and one of a billion.
        ["12x512"] = Config.Random(layers: 12, dim: 512, heads: 8),
        ["24x1536"] = Config.Random(layers: 24, dim: 1536, heads: 24),
    };

    public static ModelFamily Family { get; } = new("dalle-pytorch", "dalle.pt, its tokenizer's file, perhaps clip.pt; or vae.pt alone", Export)
    {
        Sizes = [.. Sizes.Keys],
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        using var checkpoint = source.Open(0, "dalle.pt", "vae.pt");
        var weights = checkpoint.At("weights.");
        if (source.Size is null && weights.Contains("codebook.weight"))
            return Describe(source, "vae", DiscreteVae.Infer(weights, new Arguments(checkpoint.At("hparams."))).Write(bundle, weights));

        var vae = weights.At("vae.");
        var config = source.Size is { } size ? Sizes[size]
            : Config.Infer(weights, new Arguments(checkpoint.At("hparams.")), DiscreteVae.Infer(vae, new Arguments(checkpoint.At("vae_params."))));
        var tokenizer = source.Size is null ? CopyTokenizer(source, bundle) : RandomTokenizer.Write(bundle);
        var text = new TextFormat
        {
            Tokenizer = tokenizer,
            Cleaning = CleaningFor(tokenizer.Kind),
            Vocabulary = config.TextIds,
            Length = config.TextLength,
            Prefix = [0],
            Padding = Padding.PerPosition,
            PaddingId = config.TextIds - config.TextLength,
            BlankId = 0,
            Unconditional = UnconditionalPrompt.Padding,
        };
        return Describe(source, "dalle", config.Vae.Write(bundle, vae)) with
        {
            Text = text,
            Decoder = Decoder(bundle, weights, config, source.Precision),
            Clip = source.Size is null && source.TryFind(2, "clip.pt") is { } clip ? Clip(bundle, clip, text) : null,
            // generate_images keeps half of all logits, those of the text, which are none, among them.
            Sampling = new SamplingDefaults { TopK = (config.TextIds + config.Vae.Codes) / 2 },
        };
    }

    private static Manifest Describe(ExportSource source, string kind, ImageGraphs images) => new()
    {
        Format = Manifest.CurrentFormat,
        Name = $"DALLE-pytorch {source.Size ?? kind}",
        Family = Family.Name,
        Precision = source.Precision.Name(),
        Image = images.Format,
        ImageEncoder = images.Encoder,
        ImageDecoder = images.Decoder,
        Files = [],
    };

    /// <summary>A checkpoint does not say which tokenizer it was trained with; the file does.</summary>
    private static TokenizerFiles CopyTokenizer(ExportSource source, BundleWriter bundle)
    {
        var file = source.TryFind(1, "bpe_simple_vocab_16e6.txt", "bpe_simple_vocab_16e6.txt.gz", "bpe.model") ?? throw new FileNotFoundException(
            "dalle.pt does not contain its tokenizer. Put beside it, or give as the second file, bpe_simple_vocab_16e6.txt of the project's "
            + "folder dalle_pytorch/data, or the YouTokenToMe model (.model) that it was trained with.", "bpe_simple_vocab_16e6.txt");
        return new TokenizerFiles
        {
            Kind = Path.GetExtension(file) == ".model" ? TokenizerKind.YouTokenToMe : TokenizerKind.ClipBpe,
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

    private sealed record ImageGraphs(ImageFormat Format, string Encoder, string Decoder);

    /// <summary>What the arguments of the constructors and the shapes of the weights tell.</summary>
    private sealed record Config
    {
        public required Stack Stack { get; init; }

        public required DiscreteVae Vae { get; init; }

        /// <summary>Ids of the text, with one for the padding of every position.</summary>
        public required int TextIds { get; init; }

        /// <summary>Positions of the text, without the start of the stream.</summary>
        public required int TextLength { get; init; }

        /// <summary>Kinds of attention: those of the first layers, then from the beginning again.</summary>
        public IReadOnlyList<string> Attention { get; init; } = ["full"];

        /// <summary>Channels of each head that are rotated; 0 where positions have embeddings.</summary>
        public int RotaryWidth { get; init; }

        public bool ShiftsTokens { get; init; } = true;

        public bool IsStable { get; init; }

        /// <summary>Whether the head's weights are the embeddings of the ids.</summary>
        public bool SharesEmbeddings { get; init; }

        /// <summary>Positions that are run: the start, the text, and all of the image but its last token.</summary>
        public int Capacity => TextLength + Vae.Grid * Vae.Grid;

        public static Config Infer(Checkpoint weights, Arguments arguments, DiscreteVae vae)
        {
            var textLength = arguments.Number("text_seq_len", 256);
            var config = new Config
            {
                Stack = Stack.Infer(weights.At("transformer."), arguments.Number("dim_head", 64)),
                Vae = vae,
                TextLength = textLength,
                TextIds = checked(arguments.Number("num_text_tokens", 10000) + textLength),
                Attention = arguments.Words("attn_types", ["full"]),
                RotaryWidth = weights.Contains("transformer.pos_emb") ? weights.Shape("transformer.pos_emb")[^1] : 0,
                ShiftsTokens = arguments.Flag("shift_tokens", true),
                IsStable = arguments.Flag("stable", false),
                SharesEmbeddings = weights.Contains("text_emb.linear.weight"),
            };
            if (config.Attention.FirstOrDefault(kind => kind is not ("full" or "axial_row" or "axial_col" or "conv_like")) is { } unknown)
                throw new InvalidDataException($"The transformer has attention of the kind '{unknown}'; full, axial_row, axial_col and conv_like can be exported.");
            if (config.ShiftsTokens && config.Stack.Dim % 4 != 0)
                throw new InvalidDataException($"The transformer shifts quarters of {config.Stack.Dim} channels, which is not a multiple of four.");
            return config;
        }

        public static Config Random(int layers, int dim, int heads) => new()
        {
            Stack = new Stack { Dim = dim, Layers = layers, Heads = heads, HeadSize = 64 },
            Vae = new DiscreteVae { ImageSize = 256, Layers = 3, Residuals = 2, Hidden = 256, Codes = 8192, CodeLength = 512 },
            TextIds = 49408 + 256,
            TextLength = 256,
            Attention = ["full", "axial_row", "axial_col", "conv_like"],
            RotaryWidth = 60,
        };
    }
}
