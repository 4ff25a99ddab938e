using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Text.Tokenizers;

namespace Dalle.ML.Export.Families;

/// <summary>
/// CLIP as OpenAI publishes it (openai/CLIP): a TorchScript archive or the state of its model, whose image tower is a vision transformer or
/// a ResNet, and the list of merges of its tokenizer. Its bundle ranks images; other models take their ranker from it.
/// </summary>
internal static class ClipFamily
{
    private const string Name = "clip";

    private static readonly Dictionary<string, OpenAiClip> Sizes = new()
    {
        ["ViT-B/32"] = new(512, 224, new(768, [12], Patch: 32), new(512, 12)),
        ["ViT-B/16"] = new(512, 224, new(768, [12], Patch: 16), new(512, 12)),
        ["ViT-L/14"] = new(768, 224, new(1024, [24], Patch: 14), new(768, 12)),
        ["ViT-L/14@336px"] = new(768, 336, new(1024, [24], Patch: 14), new(768, 12)),
        ["RN50"] = new(1024, 224, new(64, [3, 4, 6, 3], Patch: null), new(512, 12)),
        ["RN101"] = new(512, 224, new(64, [3, 4, 23, 3], Patch: null), new(512, 12)),
        ["RN50x4"] = new(640, 288, new(80, [4, 6, 10, 6], Patch: null), new(640, 12)),
        ["RN50x16"] = new(768, 384, new(96, [6, 8, 18, 8], Patch: null), new(768, 12)),
        ["RN50x64"] = new(1024, 448, new(128, [3, 15, 36, 10], Patch: null), new(1024, 12)),
        ["tiny"] = new(32, 64, new(64, [2], Patch: 16), new(64, 2, Vocabulary: 258)),
        ["tiny-RN"] = new(32, 64, new(8, [1, 2, 1, 1], Patch: null), new(64, 2, Vocabulary: 258)),
    };

    private static readonly string[] Checkpoints =
        ["model.pt", "model.safetensors", .. Sizes.Keys.Select(size => size.Replace('/', '-').Replace('@', '-') + ".pt")];

    /// <summary>The cleaning of a text before OpenAI's tokenizer.</summary>
    public static TextCleaning[] Cleaning { get; } =
    [
        TextCleaning.FixText, TextCleaning.UnescapeHtml, TextCleaning.UnescapeHtml,
        TextCleaning.CollapseWhitespace, TextCleaning.Trim, TextCleaning.Lowercase,
    ];

    public static ModelFamily Family { get; } = new(
        Name, "the published file with bpe_simple_vocab_16e6.txt.gz, or vocab.json and merges.txt, beside or behind it", Export)
    {
        Sizes = [.. Sizes.Keys],
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var weights = source.OpenModel(0, "ln_final.weight", Checkpoints);
        var clip = source.Size is { } size ? Sizes[size] : OpenAiClip.Infer(weights);
        var tokenizer = source.Size is null ? Tokenizer(source, bundle, clip) : RandomTokenizer.Write(bundle);
        var graphs = clip.Write(bundle, weights);
        var scale = MathF.Exp(weights.ReadScalar("logit_scale"));
        return new Manifest
        {
            Format = Manifest.CurrentFormat,
            Name = source.Size ?? Name,
            Family = Name,
            Precision = Precision.Fp32.Name(),
            Clip = new ClipGraphs
            {
                TextEncoder = graphs.Text,
                ImageEncoder = graphs.Image,
                Text = Format(tokenizer, clip.Text),
                EmbeddingDimension = clip.Embedding,
                ImageSize = clip.ImageSize,
                Transparency = Transparency.Dropped,
                Scale = scale,
            },
            Files = [],
        };
    }

    /// <summary>The prompt of a text tower.</summary>
    /// <param name="tokenizer">Its tokenizer.</param>
    /// <param name="text">The tower.</param>
    /// <param name="hasEnds">Whether the ids of start and end surround a text.</param>
    public static TextFormat Format(TokenizerFiles tokenizer, ClipText text, bool hasEnds = true) => new()
    {
        Tokenizer = tokenizer,
        Cleaning = Cleaning,
        Vocabulary = text.Vocabulary,
        Length = text.Length,
        BosTokens = hasEnds ? [text.Vocabulary - 2] : [],
        EosTokens = hasEnds ? [text.Vocabulary - 1] : [],
        KeepEnd = hasEnds,
        Padding = Padding.Shared,
        PaddingId = 0,
    };

    /// <summary>Checks that a network goes with CLIP.</summary>
    /// <param name="network">The network.</param>
    /// <param name="what">What it takes.</param>
    /// <param name="taken">Of how many values; null where it takes none.</param>
    /// <param name="given">Of how many values CLIP gives it; null where it gives none.</param>
    /// <exception cref="InvalidDataException">It takes vectors of another width than CLIP gives.</exception>
    public static void Match(string network, string what, int? taken, int? given)
    {
        if (taken is not null && given is not null && taken != given)
            throw new InvalidDataException($"The {network} takes {what} of {taken} values, CLIP gives {given}: they belong to different models. Give the CLIP that it was trained with.");
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle, OpenAiClip clip)
    {
        var vocabulary = source.TryFind(1, "bpe_simple_vocab_16e6.txt.gz", "bpe_simple_vocab_16e6.txt", "vocab.json") ?? throw new FileNotFoundException(
            "A CLIP's checkpoint has no tokenizer. Put bpe_simple_vocab_16e6.txt.gz (of openai/CLIP), or vocab.json and merges.txt, beside it, or name them behind it.");
        return CopyTokenizer(bundle, vocabulary, Path.GetExtension(vocabulary) == ".json" ? source.Find(2, "merges.txt") : null, clip.Text);
    }

    /// <summary>Copies the tokenizer's files after a check that the model has as many ids.</summary>
    /// <exception cref="InvalidDataException">It belongs to another model.</exception>
    public static TokenizerFiles CopyTokenizer(BundleWriter bundle, string vocabulary, string? merges, ClipText clip)
    {
        var tokens = merges is null ? BpeFiles.ReadClip(vocabulary).Vocabulary : BpeFiles.Read(vocabulary, merges).Vocabulary;
        var (start, end) = (tokens.GetValueOrDefault(ClipBpe.StartOfText), tokens.GetValueOrDefault(ClipBpe.EndOfText));
        if ((start, end) != (clip.Vocabulary - 2, clip.Vocabulary - 1))
            throw new InvalidDataException($"The tokenizer '{vocabulary}' has {tokens.Count} tokens and the model {clip.Vocabulary}: it belongs to another model.");
        return new TokenizerFiles
        {
            Kind = TokenizerKind.ClipBpe,
            Vocabulary = bundle.Copy(vocabulary),
            Merges = merges is null ? null : bundle.Copy(merges),
        };
    }
}
