using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// ruCLIP, by which ru-dALLE chooses among its images: CLIP for Russian, with ru-dALLE's kind of tokenizer. Today's (ai-forever/ru-clip) has the layers
/// and names of OpenAI's; the one before, of ru-dALLE 0.4, is a <c>CLIPModel</c> of transformers 4.10.
/// </summary>
internal static class RuClipFamily
{
    private const string Name = "ru-clip";

    // Ids of the tokenizer.
    private const int Padding = 0;
    private const int Start = 2;
    private const int End = 3;

    // Of transformers, where the configuration gives none.
    private const int TransformersTextHeads = 8;
    private const int TransformersImageHeads = 12;

    // Of the images of ImageNet: red, green, blue.
    private static readonly float[] ImageNetMean = [0.485f, 0.456f, 0.406f];
    private static readonly float[] ImageNetDeviation = [0.229f, 0.224f, 0.225f];

    // Of the predictor of ru-clip, by which ru-dALLE picks its images; ru-dALLE's own code before it took the text alone.
    private static readonly string[] Templates =
        ["{}", "фото, на котором изображено {}", "изображение с {}", "картинка с {}", "фото с {}", "на фото видно {}"];

    private static readonly Dictionary<string, OpenAiClip> Sizes = new()
    {
        ["vit-base-patch32-224"] = Published(512, 224, new(768, [12], Patch: 32), new(512, 12)),
        ["vit-base-patch16-224"] = Published(512, 224, new(768, [12], Patch: 16), new(512, 12)),
        ["vit-large-patch14-224"] = Published(768, 224, new(1024, [24], Patch: 14), new(768, 12)),
        ["vit-large-patch14-336"] = Published(768, 336, new(1024, [24], Patch: 14), new(768, 12)),
        ["vit-base-patch32-384"] = Published(512, 384, new(768, [12], Patch: 32), new(512, 12)),
        ["vit-base-patch16-384"] = Published(512, 384, new(768, [12], Patch: 16), new(512, 12)),
        ["tiny"] = Published(32, 64, new(64, [2], Patch: 16), new(64, 2, Vocabulary: 258)),
    };

    public static ModelFamily Family { get; } = new(Name, "a folder with pytorch_model.bin, bpe.model and config.json, or these files in this order", Export)
    {
        Sizes = [.. Sizes.Keys],
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        var file = source.Open(0, "pytorch_model.bin", "model.safetensors", "ViT-B32-small.pt");
        var (clip, weights, isOlder) = source.Size is { } size ? (Sizes[size], file, false) : Read(source, file);
        if (clip.Text.Length < 3)
            throw new InvalidDataException($"The text tower reads {clip.Text.Length} ids; a text takes 3 at least, with those of its start and end.");
        var tokenizer = source.Size is null
            ? new TokenizerFiles { Kind = TokenizerKind.YouTokenToMe, Vocabulary = bundle.Copy(source.Find(1, "bpe.model", "../bpe.model"), "bpe.model") }
            : RandomTokenizer.Write(bundle);
        var graphs = clip.Write(bundle, weights, isOlder ? null : "features");
        return source.Describe(Name) with
        {
            Precision = Precision.Fp32.Name(),
            Clip = new ClipGraphs
            {
                TextEncoder = graphs.Text,
                ImageEncoder = graphs.Image,
                Text = new TextFormat
                {
                    Tokenizer = tokenizer,
                    Cleaning = [TextCleaning.Lowercase],
                    Vocabulary = clip.Text.Vocabulary,
                    Length = clip.Text.Length,
                    BosTokens = [Start],
                    EosTokens = [End],
                    KeepEnd = !isOlder,
                    Padding = Bundles.Padding.Shared,
                    PaddingId = Padding,
                },
                EmbeddingDimension = clip.Embedding,
                ImageSize = clip.ImageSize,
                Resample = ResampleFilter.Bilinear,
                Fit = Fit.Square,
                Transparency = Transparency.Ignored,
                Scale = MathF.Exp(weights.ReadScalar("logit_scale")),
                Templates = isOlder ? null : Templates,
            },
        };
    }

    /// <summary>The network of a checkpoint and its weights by OpenAI's names; whether it is the one before today's.</summary>
    private static (OpenAiClip Clip, Checkpoint Weights, bool IsOlder) Read(ExportSource source, Checkpoint file)
    {
        if (file.TryFindSubtree("text_encoder.projection.linear1.weight") is not null)
        {
            throw new InvalidDataException("This is the first ruCLIP (ViT-B32-small.pt: an image tower of CLIP, and ruGPT-3 for the text), which cannot be exported. "
                + "Give a later one: the folder ruclip-vit-base-patch32-v5, or those of ai-forever/ruclip-vit-base-patch32-384 and its like.");
        }
        var config = new ModelConfiguration(JsonSettings.Read(source.Find(2, "config.json")), "");
        if (file.TryFindSubtree("text_model.final_layer_norm.weight", source.Note) is { } older)
        {
            var renamed = TransformersClip.Rename(older, older);
            return (ReadOlder(renamed, config), renamed, true);
        }
        var weights = file.FindSubtree("ln_final.weight", source.Note);
        return (ReadCurrent(weights, config), weights, false);
    }

    private static OpenAiClip ReadCurrent(Checkpoint weights, ModelConfiguration config)
    {
        var textHeads = config.Number("transformer_heads")
            ?? throw new InvalidDataException("The configuration does not give 'transformer_heads': it is not that of a ruCLIP with these weights. Give the config.json that was published with them.");
        var clip = OpenAiClip.Infer(weights, textHeads, weights.Shape("visual.class_embedding", rank: 1)[0] / ClipTransformer.HeadSize);
        return AsTrained(clip, config, config.Number("image_resolution")) with { Text = clip.Text with { Rounds = false, End = End } };
    }

    /// <summary>The embedding of a text is the hidden state of its largest id, as in transformers 4.10, and one position less than there are is used.</summary>
    private static OpenAiClip ReadOlder(Checkpoint weights, ModelConfiguration config)
    {
        var (text, image) = (config.Network("text_config"), config.Network("vision_config"));
        var clip = OpenAiClip.Infer(
            weights, text.Number("num_attention_heads") ?? TransformersTextHeads, image.Number("num_attention_heads") ?? TransformersImageHeads);
        clip = AsTrained(clip with { Mean = ImageNetMean, Deviation = ImageNetDeviation }, config, image.Number("image_size"));
        return clip with
        {
            Text = clip.Text with { Rounds = false, Length = clip.Text.Positions - 1, Activation = ReadActivation(text) },
            Image = clip.Image with { Activation = ReadActivation(image) },
        };
    }

    /// <summary>The size and the statistics of images in the configuration; what it does not give is as before.</summary>
    private static OpenAiClip AsTrained(OpenAiClip clip, ModelConfiguration config, int? imageSize)
    {
        var patch = clip.Image.Patch ?? throw new InvalidDataException("The image tower is a ResNet; ruCLIP has vision transformers.");
        if (imageSize / patch * patch is { } covered && covered != clip.ImageSize)
            throw new InvalidDataException($"The configuration has images of {imageSize} pixels, the weights such of {clip.ImageSize}: they belong to different models.");
        return clip with
        {
            ImageSize = imageSize ?? clip.ImageSize,
            Mean = Colors("mean") ?? clip.Mean,
            Deviation = Colors("std") is not { } given ? clip.Deviation
                : given.All(value => value > 0) ? given
                : throw new InvalidDataException("The configuration's 'std' has a number that is not above zero."),
            Image = clip.Image with { Rounds = false },
        };

        float[]? Colors(string name) => config.Reals(name) switch
        {
            null => null,
            [var all] => [all, all, all],
            [var red, var green, var blue] => [red, green, blue],
            var other => throw new InvalidDataException($"The configuration's '{name}' has {other.Count} numbers; it must have one for red, green and blue each."),
        };
    }

    private static Activation ReadActivation(ModelConfiguration tower) => tower.Word("hidden_act") switch
    {
        null or "quick_gelu" => Activation.QuickGelu,
        "gelu" => Activation.Gelu,
        "gelu_new" => Activation.TanhGelu,
        var other => throw new InvalidDataException($"The configuration's 'hidden_act' is '{other}'; quick_gelu, gelu and gelu_new can be exported."),
    };

    private static OpenAiClip Published(int embedding, int imageSize, ClipImage image, ClipText text) =>
        new(embedding, imageSize, image with { Rounds = false }, text with { Rounds = false, End = End });
}
