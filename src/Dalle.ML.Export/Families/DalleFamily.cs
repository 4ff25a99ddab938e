using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Our own models, trained by the recipes under <c>onnx/training</c>: a folder with <c>config.json</c>, byte-level BPE files and
/// <c>transformer</c>, <c>dvae</c> and <c>clip</c> as safetensors. The transformer is DALL·E's (Ramesh et al. 2021, section 2): text and
/// image in one causal stream, a padding id for each position, image positions as the sum of a row and a column embedding; with its sparse
/// attention if the configuration says so.
/// </summary>
internal static class DalleFamily
{
    // Of the discrete VAE of random models.
    private const int RandomVaeWidth = 128;
    private const int RandomVaeBlocks = 3;

    // The paper's, two of the shape of GPTs of their size, to measure speed with, and one to try things out with.
    private static readonly Dictionary<string, DalleConfig> Sizes = new()
    {
        ["paper"] = DalleConfig.Random("paper", grid: 32, textLength: 256, layers: 64, dim: 3968, heads: 62, isSparse: true),
        ["12x512"] = DalleConfig.Random("12x512", grid: 16, textLength: 64, layers: 12, dim: 512, heads: 8),
        ["24x1024"] = DalleConfig.Random("24x1024", grid: 16, textLength: 64, layers: 24, dim: 1024, heads: 16),
        ["tiny"] = DalleConfig.Random("tiny", grid: 8, textLength: 32, layers: 4, dim: 64, heads: 4, isSparse: true),
    };

    public static ModelFamily Family { get; } = new("dalle", "a folder with config.json, vocab.json, merges.txt and safetensors", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string> { ["heads"] = "Number of attention heads; by default that in config.json (transformer.heads), or the size's." },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var config = source.Size is { } size ? Sizes[size] : DalleConfig.Read(source.Find(0, "config.json"));
        ModelSizes.Check(config.Text.Length, config.Grid);
        var dvae = source.OpenModel(1, "decoder.codebook.weight", config.Dvae.File);
        var (encoderWidth, decoderWidth, blocks) = source.Size is null ? PixelShuffleVae.Infer(dvae) : (RandomVaeWidth, RandomVaeWidth, RandomVaeBlocks);

        var vae = new PixelShuffleVae
        {
            ImageSize = config.ImageSize,
            Grid = config.Grid,
            CodebookSize = config.ImageVocab,
            CodeDim = config.Dvae.CodeDim,
            EncoderWidth = encoderWidth,
            DecoderWidth = decoderWidth,
            EncoderBlocks = blocks,
            IsLogitLaplace = config.Dvae.LogitLaplace,
        };
        var images = new ImageFormat
        {
            Width = config.ImageSize,
            Height = config.ImageSize,
            Rows = config.Grid,
            Columns = config.Grid,
            CodebookSize = config.ImageVocab,
        };
        if (config.Transformer is not { } part)
        {
            var alone = vae.Write(bundle, dvae);
            return source.Describe(Family.Name, config.Name) with { Image = images, ImageEncoder = alone.Encoder, ImageDecoder = alone.Decoder };
        }
        var heads = AttentionHeads.Of(part.Dim, source.Setting("heads") ?? part.Heads);
        var transformer = source.OpenModel(0, "text_emb.weight", part.File);
        var text = new TextFormat
        {
            Tokenizer = source.Size is null ? Tokenizer(source, bundle) : RandomTokenizer.Write(bundle),
            Cleaning = config.Text.Cleaning(),
            Vocabulary = config.Text.VocabSize + config.Text.Length,
            Length = config.Text.Length,
            Padding = Padding.PerPosition,
            PaddingId = config.Text.VocabSize,
        };
        var decoder = DalleTransformer.Decoder(transformer, config, part, heads).Write(bundle, transformer, source.Precision);
        var graphs = vae.Write(bundle, dvae);
        var sampling = config.Sampling ?? new();
        var clip = config.Clip is { } ranker ? Clip(source, bundle, ranker, config, text) : null;
        return source.Describe(Family.Name, config.Name) with
        {
            Image = images,
            Text = text,
            Decoder = decoder.Image,
            TextDecoder = decoder.Text is { } graph ? new TextDecoderGraph { Graph = graph, EndsAtPadding = true } : null,
            ImageEncoder = graphs.Encoder,
            ImageDecoder = graphs.Decoder,
            Clip = clip,
            Words = config.Words is { } words ? bundle.Copy(source.Find(0, words)) : null,
            Sampling = new SamplingDefaults { Temperature = sampling.Temperature, Guidance = sampling.Guidance, Candidates = sampling.Candidates },
        };
    }

    private static TokenizerFiles Tokenizer(ExportSource source, BundleWriter bundle) => new()
    {
        Kind = TokenizerKind.ByteLevelBpe,
        Vocabulary = bundle.Copy(source.Find(0, "vocab.json")),
        Merges = bundle.Copy(source.Find(0, "merges.txt")),
    };

    private static ClipGraphs Clip(ExportSource source, BundleWriter bundle, DalleConfig.ClipPart part, DalleConfig config, TextFormat text)
    {
        var clip = source.OpenModel(2, "logit_scale", part.File);
        var scale = MathF.Min(MathF.Exp(clip.ReadScalar("logit_scale")), 100);
        var graphs = ConvolutionalClip.Write(bundle, clip, text.Length, config.ImageSize, part.Embedding, DalleTransformer.Names);
        return new ClipGraphs
        {
            TextEncoder = graphs.Text,
            ImageEncoder = graphs.Image,
            Text = text,
            EmbeddingDimension = part.Embedding,
            ImageSize = config.ImageSize,
            Scale = scale,
        };
    }
}
