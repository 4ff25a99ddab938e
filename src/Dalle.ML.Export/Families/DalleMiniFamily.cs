using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// DALL·E mini and mega as they were trained in flax (borisdayma/dalle-mini): a folder with <c>flax_model.msgpack</c>, <c>vocab.json</c> and
/// <c>merges.txt</c>, and a VQGAN, flax's (patil-suraj/vqgan-jax) or one for PyTorch, in the folder <c>vqgan</c> within or beside it.
/// </summary>
internal static partial class DalleMiniFamily
{
    private const string Name = "dalle-mini";

    private static readonly TextCleaning[] Cleaning =
    [
        TextCleaning.FixText, TextCleaning.UnescapeHtml, TextCleaning.UnescapeHtml, TextCleaning.DemojizeInColons,
        TextCleaning.Transliterate, TextCleaning.Lowercase, TextCleaning.DalleMini,
    ];

    private static readonly string[] VqganFiles =
    [
        "vqgan/flax_model.msgpack", "vqgan/detoker.pt", "vqgan/model.ckpt",
        "../vqgan/flax_model.msgpack", "../vqgan/detoker.pt", "../vqgan/model.ckpt",
    ];

    public static ModelFamily Family { get; } = new(
        Name, "a folder with flax_model.msgpack, vocab.json, merges.txt and vqgan/flax_model.msgpack, or model, VQGAN, vocabulary and merges", Export)
    {
        Sizes = [.. BartConfig.Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads; by default that in config.json (decoder_attention_heads), else one for 64 of the width.",
            ["bos"] = "Id that begins an image; by default that in config.json (decoder_start_token_id), else the one after the last code, 16384.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var model = source.OpenModel(0, "lm_head.kernel", "flax_model.msgpack");
        var vqganFile = source.Open(1, VqganFiles);
        var (encoder, decoder, codec) = source.Size is null
            ? (Torch(model, "encoder"), Torch(model, "decoder"), TorchVqgan(vqganFile, source.Note))
            : (model, model, vqganFile);
        var heads = source.Setting("heads") ?? source.Configured("decoder_attention_heads");
        var (config, images) = source.Size is { } size
            ? BartConfig.Random(size, heads)
            : (BartConfig.Infer(encoder, decoder, heads), VqganConfig.Infer(codec));
        source.NoteHeads(heads, config.Heads);
        ModelSizes.Check(config.Encoder.Length, config.Grid);
        // Pixels are in 0..1 without a transform.
        var vqgan = images with { IsSigned = false };
        var givenBos = source.Setting("bos") ?? source.Configured("decoder_start_token_id");
        var bos = givenBos ?? vqgan.CodebookSize;
        if (givenBos is null)
            source.NoteAssumed("the id that begins an image", bos, "bos");
        var tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle);
        var textEncoder = new BartTextEncoder(encoder, decoder, config).Write(bundle, source.Precision);
        var imageTokens = new BartDecoder(decoder, config).Write(bundle, source.Precision, bos, vqgan.CodebookSize);
        var graphs = new Vqgan(bundle, codec, vqgan).Write(config.Grid);
        return source.Describe(Name) with
        {
            Image = vqgan.Images(config.Grid),
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = Cleaning,
                Vocabulary = config.Encoder.Vocabulary,
                Length = config.Encoder.Length,
                BosTokens = [BartLayers.TextStart],
                EosTokens = [BartLayers.TextEnd],
                KeepEnd = true,
                Padding = Padding.Shared,
                PaddingId = BartLayers.TextPadding,
            },
            Decoder = imageTokens,
            TextEncoder = textEncoder,
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { Guidance = 10 },
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.ByteLevelBpe,
        Vocabulary = bundle.Copy(source.Find(2, "vocab.json"), "vocab.json"),
        Merges = bundle.Copy(source.Find(3, "merges.txt"), "merges.txt"),
    };

    /// <summary>The encoder or the decoder under min-dalle's names. Its layers are stacked (nn.scan) or numbered.</summary>
    private static FlaxModules Torch(Checkpoint flax, string side)
    {
        (string Flax, string Torch)[] names =
        [
            ($"model.{side}.", ""),
            ("layers.FlaxBartEncoderLayers.", $"layers.{FlaxModules.Layer}."),
            ("layers.FlaxBartDecoderLayers.", $"layers.{FlaxModules.Layer}."),
            ("layers.FlaxBartEncoderLayer_", "layers."),
            ("layers.FlaxBartDecoderLayer_", "layers."),
            ("GLU_0.LayerNorm_", "glu.ln"),
            ("GLU_0.Dense_", "glu.fc"),
            ("FlaxBartAttention_0.", "self_attn."),
            ("FlaxBartAttention_1.", "encoder_attn."),
            ("LayerNorm_0.", "pre_self_attn_layer_norm."),
            ("LayerNorm_1.", "self_attn_layer_norm."),
            ("LayerNorm_2.", "pre_encoder_attn_layer_norm."),
            ("LayerNorm_3.", "encoder_attn_layer_norm."),
        ];
        return new FlaxModules(flax, module =>
            names.Aggregate(module, (name, pair) => name.Replace(pair.Flax, pair.Torch, StringComparison.Ordinal)));
    }

    /// <summary>A VQGAN under the names of CompVis/taming-transformers, whoever saved it.</summary>
    private static Checkpoint TorchVqgan(Checkpoint vqgan, Action<string> note) =>
        vqgan.TryFindSubtree("quantize.embedding.embedding", note) is { } flax
            ? new FlaxModules(flax, module => NumberedParts().Replace(module, "$1.$2."))
            : vqgan.FindSubtree("decoder.conv_in.weight", note);

    // Numbers of lists; 'mid.block_1' is a name.
    [GeneratedRegex(@"(?<!\bmid\.)\b(up|down|block|attn)_(\d+)\.")]
    private static partial Regex NumberedParts();
}
