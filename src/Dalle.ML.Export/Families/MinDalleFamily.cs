using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>
/// DALL·E mini and mega as kuprel/min-dalle keeps them for PyTorch: a folder of models with <c>dalle_bart_mega</c> or <c>dalle_bart_mini</c>
/// and <c>vqgan</c>, or all files in one folder.
/// </summary>
internal static class MinDalleFamily
{
    private const string Name = "min-dalle";

    private static readonly string[] BartFolders = ["", "dalle_bart_mega/", "dalle_bart_mini/"];
    private static readonly string[] VqganFolders = ["", "vqgan/", "../vqgan/"];

    public static ModelFamily Family { get; } = new(
        Name, "min-dalle's folder of models, or encoder.pt, decoder.pt, detoker.pt, vocab.json and merges.txt in this order", Export)
    {
        Sizes = [.. BartConfig.Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads; by default that in config.json (attention_head_count), else one for 64 of the width.",
            ["bos"] = "Id that begins an image; by default the last code, 16383. Old releases had 16384 (mini) and 16415 (mega).",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var encoder = source.OpenModel(0, "embed_tokens.weight", In(BartFolders, "encoder.pt", "encoder.safetensors"));
        var decoder = source.OpenModel(1, "embed_tokens.weight", In(BartFolders, "decoder.pt", "decoder.safetensors"));
        var detoker = source.OpenModel(2, "decoder.conv_in.weight", In(VqganFolders, "detoker.pt", "detoker.safetensors"));
        var heads = source.Setting("heads") ?? source.Configured("attention_head_count");
        var (config, images) = source.Size is { } size
            ? BartConfig.Random(size, heads)
            : (BartConfig.Infer(encoder, decoder, heads), VqganConfig.Infer(detoker));
        source.NoteHeads(heads, config.Heads);
        ModelSizes.Check(config.Encoder.Length, config.Grid);
        // Pixels are in 0..1 without a transform, and there is no encoder.
        var vqgan = images with { Epsilon = 1e-5f, IsSigned = false, Stem = null };
        var tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle);
        var textEncoder = new BartTextEncoder(encoder, decoder, config).Write(bundle, source.Precision);
        var bos = source.Setting("bos") ?? vqgan.CodebookSize - 1;
        if (source.Setting("bos") is null)
            source.NoteAssumed("the id that begins an image", bos, "bos");
        var imageTokens = new BartDecoder(decoder, config).Write(bundle, source.Precision, bos, vqgan.CodebookSize);
        var graphs = new Vqgan(bundle, detoker, vqgan).Write(config.Grid);
        return source.Describe(Name) with
        {
            Image = vqgan.Images(config.Grid),
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = [TextCleaning.Demojize, TextCleaning.Lowercase, TextCleaning.AsciiOnly],
                Vocabulary = config.Encoder.Vocabulary,
                Length = config.Encoder.Length,
                BosTokens = [BartLayers.TextStart],
                EosTokens = [BartLayers.TextEnd],
                Padding = Padding.Shared,
                PaddingId = BartLayers.TextPadding,
                Unconditional = UnconditionalPrompt.Ends,
            },
            Decoder = imageTokens,
            TextEncoder = textEncoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { Guidance = 16, TopK = 256 },
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.SpacedBpe,
        Vocabulary = bundle.Copy(source.Find(3, In(BartFolders, "vocab.json")), "vocab.json"),
        Merges = bundle.Copy(source.Find(4, In(BartFolders, "merges.txt")), "merges.txt"),
    };

    private static string[] In(string[] folders, params string[] files) => [.. folders.SelectMany(folder => files.Select(file => folder + file))];
}
