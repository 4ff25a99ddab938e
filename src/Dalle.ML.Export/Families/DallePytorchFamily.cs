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
        ["12x512"] = DallePytorchModel.Random(count: 12, dim: 512, words: 49408, textLength: 256, imageSize: 256, codebookSize: 8192),
        ["24x1536"] = DallePytorchModel.Random(count: 24, dim: 1536, words: 49408, textLength: 256, imageSize: 256, codebookSize: 8192),
        ["tiny"] = DallePytorchModel.Random(count: 4, dim: 64, words: 256, textLength: 16, imageSize: 32, codebookSize: 64),
    };

    public static ModelFamily Family { get; } = new(
        "dalle-pytorch", "dalle.pt, its tokenizer's file, perhaps clip.pt; or vae.pt alone; or clip.pt and its tokenizer's file", Export)
    {
        Sizes = [.. Sizes.Keys],
        Settings = new Dictionary<string, string>
        {
            ["heads"] = "Number of attention heads of the transformer; "
                + "by default what the checkpoint's argument dim_head, or 64, makes of its attention.",
        },
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var checkpoint = source.Open(0, "dalle.pt", "vae.pt", "clip.pt");
        if (source.Size is { } size)
            return ExportRandom(source, bundle, checkpoint.Subtree("weights."), size);

        var arguments = new SavedArguments(checkpoint.Subtree("hparams."), NoteDefault);
        if ((checkpoint.TryFindSubtree("transformer.layers.layers.0.0.scale", source.Note) ?? checkpoint.TryFindSubtree("transformer.layers.blocks.0.f.net.scale", source.Note)) is { } dalle)
        {
            var tokenizer = CopyTokenizer(source, bundle);
            var images = DallePytorchImages.Write(bundle, dalle.Subtree("vae."), new SavedArguments(checkpoint.Subtree("vae_params."), NoteDefault));
            var model = DallePytorchModel.Infer(dalle, arguments, images.Format, source.Setting("heads"));
            var clip = source.TryOpen(2, "clip.pt") is { } file ? DallePytorchClip.Write(bundle, file.FindSubtree("to_text_latent.weight", source.Note), tokenizer) : null;
            return Describe(source, bundle, images, dalle, model, tokenizer) with { Clip = clip };
        }
        if (checkpoint.TryFindSubtree("to_text_latent.weight", source.Note) is { } ranker)
        {
            var clip = DallePytorchClip.Write(bundle, ranker, CopyTokenizer(source, bundle));
            return Describe(source) with { Clip = clip };
        }
        var vae = checkpoint.FindSubtree("codebook.weight", source.Note);
        return Describe(source, DallePytorchImages.Write(bundle, vae, arguments));

        void NoteDefault(string argument, object value) =>
            source.NoteAssumed($"the constructor's argument '{argument}', which the checkpoint did not save,", value, argument == "dim_head" ? "heads" : null);
    }

    private static Manifest ExportRandom(ExportSource source, BundleWriter bundle, Checkpoint weights, string size)
    {
        var (model, vae) = Sizes[size];
        model = model.WithHeads(source.Setting("heads"));
        var images = DallePytorchImages.Write(bundle, weights.Subtree("vae."), vae);
        return Describe(source, bundle, images, weights, model, RandomTokenizer.Write(bundle));
    }

    private static Manifest Describe(ExportSource source, DallePytorchImages? images = null) =>
        source.Describe(Family.Name, source.Size is null ? null : $"{Family.Name} {source.Size}") with
        {
            Image = images?.Format,
            ImageEncoder = images?.Graphs.Encoder,
            ImageDecoder = images?.Graphs.Decoder,
        };

    private static Manifest Describe(
        ExportSource source, BundleWriter bundle, DallePytorchImages images, Checkpoint weights, DallePytorchModel model, TokenizerFiles tokenizer)
    {
        var decoder = model.Decoder(weights).Write(bundle, weights, source.Precision);
        return Describe(source, images) with
        {
            Text = new TextFormat
            {
                Tokenizer = tokenizer,
                Cleaning = CleaningFor(tokenizer.Kind),
                Vocabulary = model.Sizes.TextIds,
                Length = model.Sizes.TextLength,
                Prefix = [0],
                Padding = Padding.PerPosition,
                PaddingId = model.Sizes.TextIds - model.Sizes.TextLength,
                PadAliasId = 0,
                Unconditional = UnconditionalPrompt.Padding,
            },
            Decoder = decoder.Image,
            // generate_texts begins with the prompt itself, with the stream's start only where there is no prompt, and always fills all places.
            TextDecoder = new TextDecoderGraph { Graph = decoder.Text!, Empty = [0] },
            // generate_images keeps half of all logits, those of the text among them, although it never samples text.
            Sampling = new SamplingDefaults { TopK = (model.Sizes.TextIds + model.Sizes.CodebookSize) / 2 },
        };
    }

    /// <summary>A checkpoint does not say which tokenizer it was trained with; the file does.</summary>
    private static TokenizerFiles CopyTokenizer(ExportSource source, BundleWriter bundle)
    {
        const string Expected =
            "bpe_simple_vocab_16e6.txt of the project's folder dalle_pytorch/data, or the YouTokenToMe model (.model) that it was trained with";
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

    /// <summary>How the project cleans text before this tokenizer.</summary>
    public static TextCleaning[] CleaningFor(TokenizerKind tokenizer) => tokenizer == TokenizerKind.ClipBpe ? ClipFamily.Cleaning : [];
}
