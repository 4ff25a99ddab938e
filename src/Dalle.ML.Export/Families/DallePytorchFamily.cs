using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// lucidrains/DALLE-pytorch: <c>dalle.pt</c> as its train_dalle.py saves it, with the image autoencoder inside, or <c>vae.pt</c> of
/// train_vae.py, which makes a bundle for images alone; and its CLIP, as the ranker or on its own.
/// </summary>
internal static class DallePytorchFamily
{
    private static readonly Dictionary<string, (DallePytorchModel Dalle, ConvolutionalVae Vae)> Sizes = new()
    {
        // The width and heads that train_dalle.py begins with, deeper; one of about a billion weights; and one that takes no time.
        ["12x512"] = DallePytorchModel.Random(layers: 12, dim: 512, words: 49408, textLength: 256, imageSize: 256, codes: 8192),
        ["24x1536"] = DallePytorchModel.Random(layers: 24, dim: 1536, words: 49408, textLength: 256, imageSize: 256, codes: 8192),
        ["tiny"] = DallePytorchModel.Random(layers: 4, dim: 64, words: 256, textLength: 16, imageSize: 32, codes: 64),
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
        if (source.Size is { } size)
            return ExportRandom(source, bundle, checkpoint.Subtree("weights."), size);

        var arguments = new SavedArguments(checkpoint.Subtree("hparams."));
        if ((checkpoint.TryFindSubtree("transformer.layers.layers.0.0.scale") ?? checkpoint.TryFindSubtree("transformer.layers.blocks.0.f.net.scale")) is { } dalle)
        {
            var tokenizer = CopyTokenizer(source, bundle);
            var images = ExportImages(bundle, dalle.Subtree("vae."), new SavedArguments(checkpoint.Subtree("vae_params.")));
            var model = DallePytorchModel.Infer(dalle, arguments, images.Format, source.Setting("heads"));
            var clip = source.TryOpen(2, "clip.pt") is { } file ? Clip(bundle, file.FindSubtree("to_text_latent.weight"), tokenizer) : null;
            return Describe(source, bundle, images, dalle, model, tokenizer) with { Clip = clip };
        }
        if (checkpoint.TryFindSubtree("to_text_latent.weight") is { } ranker)
        {
            var clip = Clip(bundle, ranker, CopyTokenizer(source, bundle));
            return Describe(source) with { Clip = clip };
        }
        var vae = checkpoint.FindSubtree("codebook.weight");
        return Describe(source, ExportImages(bundle, vae, arguments));
    }

    private static Manifest ExportRandom(ExportSource source, BundleWriter bundle, Checkpoint weights, string size)
    {
        var (model, vae) = Sizes[size];
        var heads = model.Layers.Heads.Or(source.Setting("heads"));
        model = model with { Layers = model.Layers with { Heads = heads }, RotaryWidth = DallePytorchModel.Rotated(heads) };
        var images = new Images(Square(vae.ImageSize, vae.Grid, vae.CodebookSize), vae.Write(bundle, weights.Subtree("vae.")));
        return Describe(source, bundle, images, weights, model, RandomTokenizer.Write(bundle));
    }

    private static Manifest Describe(ExportSource source, Images? images = null) => new()
    {
        Format = Manifest.CurrentFormat,
        Name = source.Size is null ? Family.Name : $"{Family.Name} {source.Size}",
        Family = Family.Name,
        Precision = source.Precision.Name(),
        Image = images?.Format,
        ImageEncoder = images?.Graphs.Encoder,
        ImageDecoder = images?.Graphs.Decoder,
        Files = [],
    };

    private static Manifest Describe(
        ExportSource source, BundleWriter bundle, Images images, Checkpoint weights, DallePytorchModel model, TokenizerFiles tokenizer)
    {
        var decoder = model.Decoder(weights).Write(bundle, weights, source.Precision);
        return Describe(source, images) with
        {
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = CleaningFor(tokenizer.Kind),
                Vocabulary = model.TextIds,
                Length = model.TextLength,
                Prefix = [0],
                Padding = Padding.PerPosition,
                PaddingId = model.TextIds - model.TextLength,
                PadAliasId = 0,
                Unconditional = UnconditionalPrompt.Padding,
            },
            Decoder = decoder,
            // generate_images keeps half of all logits, those of the text among them, although it never samples text.
            Sampling = new SamplingDefaults { TopK = (model.TextIds + model.CodebookSize) / 2 },
        };
    }

    /// <summary>Exports the discrete VAE within: the project's own, OpenAI's, or one of taming-transformers.</summary>
    private static Images ExportImages(BundleWriter bundle, Checkpoint weights, SavedArguments arguments)
    {
        // OpenAIDiscreteVAE and VQGanVAE take no other size, whatever the model was trained on.
        const int ImageSize = 256;
        if (weights.Contains("codebook.weight"))
        {
            var vae = ConvolutionalVae.Infer(weights, arguments);
            return new(Square(vae.ImageSize, vae.Grid, vae.CodebookSize), vae.Write(bundle, weights));
        }
        if (weights.Contains("model.decoder.conv_in.weight"))
        {
            var model = weights.Subtree("model.");
            var config = VqganConfig.Infer(model);
            var grid = ImageSize / config.Encoded;
            return new(Square(ImageSize, grid, config.CodebookSize), new Vqgan(bundle, model, config).Write(grid));
        }
        if (!weights.Contains("enc.blocks.input.w"))
            throw new InvalidDataException("The checkpoint has no DiscreteVAE, OpenAIDiscreteVAE or VQGanVAE at 'weights.vae.', so it is not what train_dalle.py saves.");
        var (encoder, decoder) = (weights.Subtree("enc."), weights.Subtree("dec."));
        var openAi = OpenAiVae.Infer(encoder, decoder);
        var side = ImageSize / openAi.Reduction;
        var format = Square(side * openAi.Reduction, side, openAi.CodebookSize) with { Resample = ResampleFilter.Lanczos };
        return new(format, openAi.Write(bundle, encoder, decoder, side, side));
    }

    /// <summary>The project's own CLIP, which pads text with id 0.</summary>
    private static ClipGraphs Clip(BundleWriter bundle, Checkpoint weights, TokenizerFiles tokenizer)
    {
        // CLIP's constructor does not let it be chosen.
        const int HeadSize = 64;
        var clip = MeanPooledClip.Infer(
            weights,
            DallePytorchModel.InferLayers(weights, "text_transformer.", HeadSize),
            DallePytorchModel.InferLayers(weights, "visual_transformer.", HeadSize));
        var graphs = clip.Write(bundle, weights);
        var scale = MathF.Exp(weights.Read("temperature", []).Values[0]);
        return new ClipGraphs
        {
            TextEncoder = graphs.Text,
            ImageEncoder = graphs.Image,
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = CleaningFor(tokenizer.Kind),
                Vocabulary = clip.Vocabulary,
                Length = clip.TextLength,
                Padding = Padding.Shared,
                PaddingId = 0,
            },
            EmbeddingDimension = clip.Embedding,
            ImageSize = clip.ImageSize,
            Resample = ResampleFilter.Bilinear,
            Scale = scale,
        };
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

    private static ImageFormat Square(int size, int grid, int codes) => new()
    {
        Width = size,
        Height = size,
        Rows = grid,
        Columns = grid,
        CodebookSize = codes,
        Resample = ResampleFilter.Bilinear,
    };

    private sealed record Images(ImageFormat Format, ImageGraphs Graphs);
}
