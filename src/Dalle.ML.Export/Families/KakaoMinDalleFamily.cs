using System.Globalization;
using System.Text;
using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// minDALL-E (kakaobrain/minDALL-E): a VQGAN with 16 × 16 pixels a token, and a dense transformer over text and image with a vocabulary,
/// positions and a head for each. Also its models of images alone (iGPT), whose stream begins with the class, or with the same id always.
/// </summary>
internal static class KakaoMinDalleFamily
{
    private const string Name = "minDALL-E";

    private static readonly LayerNames Names = new()
    {
        Attention = layer => $"blocks.{layer}.",
        Mlp = layer => $"blocks.{layer}.",
        AttentionNorm = "ln1",
        Qkv = new LayerName("attn.query", "attn.key", "attn.value") { HasBias = null },
        Output = Linear("attn.proj"),
        MlpNorm = "ln2",
        Up = Linear("mlp.0"),
        Down = Linear("mlp.2"),
    };

    private static readonly Dictionary<string, (Config Transformer, VqganConfig Images)> Sizes = new()
    {
        ["1.3B"] = (Config.Published(layers: 42, dim: 1536, heads: 24), VqganConfig.F16),
        ["tiny"] = (
            Config.Published(layers: 3, dim: 64, heads: 4) with { Grid = 8 },
            VqganConfig.F16 with { Channels = [32, 32, 32, 32, 32], Stem = 32 }),
    };

    public static ModelFamily Family { get; } = new(
        Name, "a folder with config.yaml, stage1_last.ckpt, stage2_last.ckpt and tokenizer, or stage 1, stage 2, vocabulary and merges", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads; by default that in config.yaml (stage2.hparams.n_heads), else one for 64 of the width.",
            ["quick-gelu"] = "1 for x·σ(1.702x) in place of GELU, or 0; by default what config.yaml says (stage2.hparams.gelu_use_approx), else 0.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var images = source.OpenModel(0, "quantize.embedding.weight", "stage1_last.ckpt", "stage1.safetensors");
        var transformer = source.OpenModel(1, "tok_emb_img.weight", "stage2_last.ckpt", "stage2.safetensors");
        var config = source.Size is { } size ? Config.Random(size, source) : Config.Infer(transformer, source);
        var vqgan = source.Size is { } random ? Sizes[random].Images : VqganConfig.Infer(images);
        if (vqgan.CodebookSize != config.CodebookSize)
            throw new InvalidDataException($"The VQGAN has a codebook of {vqgan.CodebookSize} and the transformer one of {config.CodebookSize}: they belong to different models.");
        var text = config.HasText ? Prompt(source, bundle, config) : Class(bundle, config);
        var graphs = new Vqgan(bundle, images, vqgan).Write(config.Grid);
        var decoder = Transformer(transformer, config).Write(bundle, transformer, source.Precision);
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = source.Size is null ? Name : $"{Name}-{source.Size}",
            Family = Name,
            Precision = source.Precision.Name(),
            Image = vqgan.Images(config.Grid),
            Text = text,
            Decoder = decoder,
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { TopK = 256 },
            Files = [],
        };
    }

    private static TextFormat Prompt(ExportSource source, BundleWriter bundle, Config config)
    {
        var vocabulary = source.Size is null ? source.Find(2, "tokenizer/bpe-16k-vocab.json") : null;
        return new TextFormat
        {
            Tokenizer = vocabulary is null ? RandomTokenizer.Write(bundle) : new TokenizerFiles
            {
                Kind = TokenizerKind.CharBpe,
                Vocabulary = bundle.Copy(vocabulary, "vocab.json"),
                Merges = bundle.Copy(source.Find(3, "tokenizer/bpe-16k-merges.txt"), "merges.txt"),
            },
            Vocabulary = config.TextIds,
            Length = config.TextLength,
            Padding = Padding.Shared,
            PaddingId = vocabulary is null ? 0 : PaddingId(vocabulary),
        };
    }

    private static int PaddingId(string vocabulary)
    {
        const string Token = "[PAD]";
        try
        {
            using var ids = JsonDocument.Parse(File.ReadAllBytes(vocabulary));
            return ids.RootElement.GetProperty(Token).GetInt32();
        }
        catch (Exception exception) when (exception is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{vocabulary}' is not a vocabulary with the token '{Token}': {exception.Message}", exception);
        }
    }

    /// <summary>The prompt of a model of images alone: the number of a class, or nothing where there is but one.</summary>
    private static TextFormat Class(BundleWriter bundle, Config config)
    {
        var numbers = Enumerable.Range(0, config.TextIds).ToDictionary(number => number.ToString(CultureInfo.InvariantCulture));
        // A number comes from any two numbers that it is written of.
        var merges = numbers.Keys.SelectMany(number => Enumerable.Range(1, number.Length - 1)
            .Where(split => split == number.Length - 1 || number[split] != '0')
            .Select(split => $"{number[..split]} {number[split..]}\n"));
        return new TextFormat
        {
            Tokenizer = new TokenizerFiles
            {
                Kind = TokenizerKind.ByteLevelBpe,
                Vocabulary = bundle.Write("vocab.json", JsonSerializer.SerializeToUtf8Bytes(numbers)),
                Merges = bundle.Write("merges.txt", Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(merges))),
            },
            Vocabulary = config.TextIds,
            Length = 1,
            BosTokens = config.TextIds == 1 ? [0] : [],
            Padding = Padding.Shared,
            PaddingId = 0,
        };
    }

    private static GptDecoder Transformer(Checkpoint weights, Config config) => new()
    {
        Layers = new TransformerLayers
        {
            Count = config.Layers,
            Dim = config.Dim,
            Heads = config.Heads,
            Names = Names,
            Activation = config.IsQuickGelu ? Activation.QuickGelu : Activation.Gelu,
        },
        TextIds = config.TextIds,
        TextLength = config.TextLength,
        Grid = config.Grid,
        CodebookSize = config.CodebookSize,
        Tokens = () => Tensor.Concat(
            config.HasText ? weights.Read("tok_emb_txt.weight", config.TextIds, config.Dim) : Starts(weights, config),
            weights.Read("tok_emb_img.weight", config.CodebookSize, config.Dim)),
        Positions = () => Tensor.Concat(
            config.HasText ? weights.Read("pos_emb_txt.weight", config.TextLength, config.Dim) : new Tensor(new float[config.Dim], isHalf: false, 1, config.Dim),
            weights.Read("pos_emb_img.weight", config.Grid * config.Grid, config.Dim)),
        FinalNorms = ["ln_f"],
        Head = () => (weights.Read(config.HasText ? "head_img.weight" : "head.weight", config.CodebookSize, config.Dim), null),
    };

    /// <summary>The embeddings of the ids that start the stream of a model of images alone.</summary>
    private static Tensor Starts(Checkpoint weights, Config config) => weights.Contains("sos")
        ? weights.Read("sos", 1, 1, config.Dim).Reshape(1, config.Dim)
        : weights.Read("sos.weight", config.TextIds, config.Dim);

    private static LayerName Linear(string name) => new(name) { HasBias = null, IsScope = true };

    /// <param name="Layers">Number of layers.</param>
    /// <param name="Dim">Number of values that stand for a token between them.</param>
    /// <param name="Heads">The attention heads of each.</param>
    /// <param name="TextLength">Number of ids before those of the image.</param>
    /// <param name="TextIds">Number of ids of the text, or of classes.</param>
    /// <param name="Grid">Side of the square of image tokens.</param>
    /// <param name="CodebookSize">Number of ids of the image.</param>
    private sealed record Config(int Layers, int Dim, AttentionHeads Heads, int TextLength, int TextIds, int Grid, int CodebookSize)
    {
        /// <summary>Whether a prompt begins the stream, else a class.</summary>
        public bool HasText { get; init; } = true;

        public bool IsQuickGelu { get; init; }

        public static Config Published(int layers, int dim, int heads) =>
            new(layers, dim, AttentionHeads.Of(dim, heads), TextLength: 64, TextIds: 16384, Grid: 16, CodebookSize: 16384);

        public static Config Random(string size, ExportSource source)
        {
            var config = Sizes[size].Transformer;
            return config with { Heads = config.Heads.Or(source.Setting("heads")), IsQuickGelu = IsQuick(source) ?? config.IsQuickGelu };
        }

        /// <exception cref="InvalidDataException">The weights are not those of such a model.</exception>
        public static Config Infer(Checkpoint weights, ExportSource source)
        {
            var yaml = source.Beside("config.yaml") is { } file ? YamlSettings.Read(file) : new Dictionary<string, string>();
            var (codes, dim) = (weights.Shape("tok_emb_img.weight", rank: 2)[0], weights.Shape("tok_emb_img.weight", rank: 2)[1]);
            var tokens = weights.Shape("pos_emb_img.weight", rank: 2)[0];
            var (hasText, hasClasses) = (weights.Contains("tok_emb_txt.weight"), weights.Contains("sos.weight"));
            var config = new Config(
                weights.Count("blocks.", ".ln1.weight"),
                dim,
                AttentionHeads.Of(dim, source.Setting("heads") ?? (int.TryParse(yaml.GetValueOrDefault("stage2.hparams.n_heads"), out var heads) ? heads : null)),
                TextLength: hasText ? weights.Shape("pos_emb_txt.weight", rank: 2)[0] : 1,
                TextIds: hasText ? weights.Shape("tok_emb_txt.weight", rank: 2)[0] : hasClasses ? weights.Shape("sos.weight", rank: 2)[0] : 1,
                Grid: (int)Math.Sqrt(tokens),
                CodebookSize: codes)
            {
                HasText = hasText,
                IsQuickGelu = IsQuick(source) ?? yaml.GetValueOrDefault("stage2.hparams.gelu_use_approx") is "true" or "True",
            };
            ModelSizes.Check(config.TextLength, config.Grid);
            return config.Grid * config.Grid == tokens
                ? config
                : throw new InvalidDataException($"The transformer has {tokens} positions for the image, which do not form a square.");
        }

        /// <summary>Whether the caller says so; null where they say nothing.</summary>
        private static bool? IsQuick(ExportSource source) => source.Setting("quick-gelu") is { } value ? value != 0 : null;
    }
}
