using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

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

    private static readonly string[] TransformerFiles =
    [
        "pytorch_model.bin", "pytorch_model_v3.bin", "pytorch_model_v2.bin", "model.safetensors",
    ];

    // The project keeps them beside the folders of its models.
    private static readonly string[] VqganFiles =
    [
        "vqgan.gumbelf8-sber.model.ckpt", "vqgan.gumbelf8-sber-dwt.model.ckpt", "vqgan.ckpt",
        "../vqgan.gumbelf8-sber.model.ckpt", "../vqgan.gumbelf8-sber-dwt.model.ckpt",
    ];

    private static readonly Dictionary<string, (GptSizes Transformer, VqganConfig Images)> Sizes = new()
    {
        ["malevich"] = (RuDalleTransformer.Published(layers: 24, dim: 2048, heads: 16, grid: 32), VqganConfig.F8),
        ["kandinsky"] = (RuDalleTransformer.Published(layers: 64, dim: 3840, heads: 60, grid: 32), VqganConfig.F8),
        ["tiny"] = (
            RuDalleTransformer.Published(layers: 4, dim: 64, heads: 4, grid: 8),
            VqganConfig.F8 with { Channels = [32, 32, 32, 32], Stem = 32 }),
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
        var transformer = source.OpenModel(0, "text_embeddings.weight", TransformerFiles);
        var images = source.OpenModel(1, "quantize.proj.weight", VqganFiles);
        var heads = source.Setting("heads") ?? source.Configured("num_attention_heads");
        var sizes = source.Size is { } size ? Sizes[size].Transformer.WithHeads(heads) : RuDalleTransformer.Infer(transformer, heads);
        var vqgan = (source.Size is { } random ? Sizes[random].Images : VqganConfig.Infer(images)).For(sizes);
        var sparsity = new SparseAttention(sizes.TextLength, sizes.Grid);
        source.NoteHeads(heads, sizes.Layers.Heads);
        var isSecond = IsSecond(source) ?? sparsity.WrapsIn(transformer);
        if (source.Size is null && source.Setting("version") is null && !SparseAttention.HasMask(transformer))
            source.NoteAssumed("the version", 3, "version");
        var tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle);
        var decoder = RuDalleTransformer.Decoder(transformer, sizes, sparsity with { IsToroidal = isSecond }).Write(bundle, transformer, source.Precision);
        var graphs = new Vqgan(bundle, images, vqgan).Write(sizes.Grid);
        return source.Describe(Name, source.Size) with
        {
            Image = vqgan.Images(sizes.Grid),
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = [TextCleaning.Lowercase, TextCleaning.Trim],
                Vocabulary = sizes.TextIds,
                Length = sizes.TextLength,
                Prefix = isSecond ? [Start] : [],
                BosTokens = [Start],
                EosTokens = [End],
                PadAliasId = Padding,
                Padding = Bundles.Padding.PerPosition,
                PaddingId = sizes.TextIds - sizes.TextLength,
            },
            Decoder = decoder.Image,
            TextDecoder = new TextDecoderGraph { Graph = decoder.Text!, Prefix = isSecond ? [Start] : [], EndsAtPadding = true },
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { TopK = 2048, TopP = 0.995f },
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.YouTokenToMe,
        Vocabulary = bundle.Copy(source.Find(2, "bpe.model", "../bpe.model"), "bpe.model"),
    };

    /// <summary>Whether the version is the second; null where the caller does not say.</summary>
    private static bool? IsSecond(ExportSource source) => source.Setting("version") switch
    {
        null => null,
        2 => true,
        3 => false,
        var version => throw new ArgumentException($"The setting version is {version}; it must be 2 or 3."),
    };
}
