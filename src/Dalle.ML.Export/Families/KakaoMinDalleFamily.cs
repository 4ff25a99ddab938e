using System.Text.Json;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Families;

/// <summary>
/// minDALL-E (kakaobrain/minDALL-E): a VQGAN with 16 × 16 pixels a token, and a dense transformer over text and image with a vocabulary,
/// positions and a head for each. Also its models of images alone (iGPT), whose stream begins with the class, or with the same id always.
/// </summary>
internal static class KakaoMinDalleFamily
{
    private const string Name = "minDALL-E";

    private static readonly Dictionary<string, (GptSizes Transformer, VqganConfig Images)> Sizes = new()
    {
        ["1.3B"] = (KakaoMinDalleTransformer.Published(layers: 42, dim: 1536, heads: 24, grid: 16), VqganConfig.F16),
        ["tiny"] = (
            KakaoMinDalleTransformer.Published(layers: 3, dim: 64, heads: 4, grid: 8),
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
        var yaml = source.Beside("config.yaml") is { } file ? YamlSettings.Read(file) : new Dictionary<string, string>();
        var heads = source.Setting("heads") ?? (int.TryParse(yaml.GetValueOrDefault("stage2.hparams.n_heads"), out var number) ? number : null);
        var isQuick = source.Setting("quick-gelu") is { } setting
            ? setting != 0
            : yaml.GetValueOrDefault("stage2.hparams.gelu_use_approx") is "true" or "True";
        if (source.Setting("quick-gelu") is null && !yaml.ContainsKey("stage2.hparams.gelu_use_approx"))
            source.NoteAssumed("the nonlinearity", "GELU, not x·σ(1.702x)", "quick-gelu");
        var hasText = transformer.Contains("tok_emb_txt.weight");
        var sizes = source.Size is { } size ? Sizes[size].Transformer.WithHeads(heads) : KakaoMinDalleTransformer.Infer(transformer, hasText, heads);
        var vqgan = (source.Size is { } random ? Sizes[random].Images : VqganConfig.Infer(images)).For(sizes);
        source.NoteHeads(heads, sizes.Layers.Heads);
        sizes = sizes with { Layers = sizes.Layers with { Activation = isQuick ? Activation.QuickGelu : Activation.Gelu } };
        var text = hasText ? Prompt(source, bundle, sizes) : Class(bundle, sizes);
        var graphs = new Vqgan(bundle, images, vqgan).Write(sizes.Grid);
        var decoder = KakaoMinDalleTransformer.Decoder(transformer, sizes, hasText).Write(bundle, transformer, source.Precision);
        return source.Describe(Name) with
        {
            Image = vqgan.Images(sizes.Grid),
            Text = text,
            Decoder = decoder.Image,
            TextDecoder = decoder.Text is { } graph ? new TextDecoderGraph { Graph = graph, EndsAtPadding = true } : null,
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Sampling = new SamplingDefaults { TopK = 256 },
        };
    }

    private static TextFormat Prompt(ExportSource source, BundleWriter bundle, GptSizes sizes)
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
            Vocabulary = sizes.TextIds,
            Length = sizes.TextLength,
            Padding = Padding.Shared,
            PaddingId = vocabulary is null ? 0 : PaddingId(vocabulary),
        };
    }

    private static int PaddingId(string vocabulary)
    {
        const string Token = "[PAD]";
        try
        {
            using var ids = JsonDocument.Parse(TokenizerFile.ReadBytes(vocabulary));
            return ids.RootElement.GetProperty(Token).GetInt32();
        }
        catch (JsonException exception)
        {
            throw new InvalidDataException($"'{vocabulary}' is not a vocabulary with the token '{Token}': {JsonFault.Describe(exception)}.", exception);
        }
        catch (Exception exception) when (exception is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InvalidDataException($"'{vocabulary}' is not a vocabulary: it has no whole number for the token '{Token}'.", exception);
        }
    }

    /// <summary>The prompt of a model of images alone: the number of a class, or nothing where there is but one.</summary>
    private static TextFormat Class(BundleWriter bundle, GptSizes sizes) => new()
    {
        Tokenizer = NumberTokenizer.Write(bundle, sizes.TextIds),
        Vocabulary = sizes.TextIds,
        Length = 1,
        BosTokens = sizes.TextIds == 1 ? [0] : [],
        Padding = Padding.Shared,
        PaddingId = 0,
    };
}
