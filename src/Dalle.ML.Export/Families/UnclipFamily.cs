using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Our own DALL·E 2, trained by <c>onnx/training/train_unclip.py</c>: the built-in model's CLIP, and Karlo's networks in small, whose UNets
/// predict the velocity. A folder with <c>config.json</c>, byte-level BPE files and safetensors.
/// </summary>
internal static class UnclipFamily
{
    private const string Name = "unclip";

    public static ModelFamily Family { get; } = new(Name, "a folder with config.json, vocab.json, merges.txt and safetensors of clip, prior, decoder and upsampler", Export);

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        source.RequireFloats(Name);
        var config = UnclipConfig.Read(source.Find(0, "config.json"));
        var text = Format(source, bundle, config.Text);
        var clip = Open(source, config.Clip.File);
        var graphs = ConvolutionalClip.Write(bundle, clip, config.Text.Length, config.Clip.ImageSize, config.Clip.Embedding, DalleTransformer.Names, isUnclip: true);
        return source.Describe(Name, config.Name) with
        {
            Clip = new ClipGraphs
            {
                TextEncoder = graphs.Text,
                ImageEncoder = graphs.Image,
                Text = text,
                EmbeddingDimension = config.Clip.Embedding,
                ImageSize = config.Clip.ImageSize,
                Scale = MathF.Min(MathF.Exp(clip.ReadScalar("logit_scale")), 100),
            },
            Unclip = new UnclipGraphs
            {
                EmbeddingDimension = config.Clip.Embedding,
                Text = new UnclipText { File = graphs.Text, Format = text },
                Image = new UnclipImage { File = graphs.Image, Size = config.Clip.ImageSize },
                Prior = Prior(source, bundle, config),
                Stages = config.Upsampler is { } upsampler ? [Decoder(source, bundle, config), Upsampler(source, bundle, upsampler)] : [Decoder(source, bundle, config)],
            },
        };
    }

    private static Checkpoint Open(ExportSource source, string file) => source.OpenFile(source.Find(0, file));

    private static TextFormat Format(ExportSource source, BundleWriter bundle, TextPart text) => new()
    {
        Tokenizer = new TokenizerFiles
        {
            Kind = TokenizerKind.ByteLevelBpe,
            Vocabulary = bundle.Copy(source.Find(0, "vocab.json")),
            Merges = bundle.Copy(source.Find(0, "merges.txt")),
        },
        Cleaning = text.Cleaning(),
        Vocabulary = text.VocabSize + text.Length,
        Length = text.Length,
        Padding = Padding.PerPosition,
        PaddingId = text.VocabSize,
    };

    private static DiffusionPriorGraphs Prior(ExportSource source, BundleWriter bundle, UnclipConfig config)
    {
        var (part, weights) = (config.Prior, Open(source, config.Prior.File));
        var prior = KarloPrior.Infer(weights, part.Heads);
        ClipFamily.Match("prior", "an embedding", prior.Embedding, config.Clip.Embedding);
        ClipFamily.Match("prior", "texts", prior.TextLength, config.Text.Length);
        var (condition, step) = prior.Write(bundle, weights, source.Precision);
        var statistics = Tensor.Concat(weights.Read("clip_mean", prior.Embedding), weights.Read("clip_std", prior.Embedding));
        return new DiffusionPriorGraphs
        {
            Condition = condition,
            File = step,
            Diffusion = Rules(Prediction.Clean, part.Steps, part.Clamp, part.Guidance),
            Statistics = bundle.Write("prior_statistics.bin", MemoryMarshal.AsBytes(statistics.Values.AsSpan())),
        };
    }

    private static DiffusionStage Decoder(ExportSource source, BundleWriter bundle, UnclipConfig config)
    {
        var (part, length, weights) = (config.Decoder, config.Text.Length, Open(source, config.Decoder.File));
        var unet = Unet(weights, part);
        ClipFamily.Match("decoder", "an embedding", unet.Conditions?.Embedding ?? 0, config.Clip.Embedding);
        return new DiffusionStage
        {
            Condition = unet.WriteCondition(bundle, "decoder_condition.onnx", weights, length, source.Precision),
            File = unet.WriteStep(bundle, "decoder.onnx", weights, part.Size, length, source.Precision),
            Size = part.Size,
            Diffusion = Rules(Prediction.Velocity, part.Steps, clamp: 1, part.Guidance),
            InpaintPasses = 1,
        };
    }

    private static DiffusionStage Upsampler(ExportSource source, BundleWriter bundle, UnclipConfig.UnetPart part)
    {
        var weights = Open(source, part.File);
        return new DiffusionStage
        {
            File = Unet(weights, part).WriteStep(bundle, "upsampler.onnx", weights, part.Size, textLength: 0, source.Precision),
            Size = part.Size,
            Diffusion = Rules(Prediction.Velocity, part.Steps, clamp: 1, part.Guidance),
            LowResolution = new LowResolution { Resample = Upsampling.Bicubic },
        };
    }

    private static KarloUnet Unet(Checkpoint weights, UnclipConfig.UnetPart part)
    {
        var unet = KarloUnet.Infer(weights, part.HeadSize);
        unet.Check(part.Size);
        return unet;
    }

    private static DiffusionRules Rules(Prediction prediction, int steps, float clamp, float guidance) => new()
    {
        Prediction = prediction,
        Schedule = new NoiseSchedule { Betas = Betas.Cosine, Timesteps = 1000 },
        Clamp = new Clamp { Kind = ClampKind.Range, Value = clamp },
        Sampler = DiffusionSampler.Ddim,
        Steps = steps,
        Guidance = guidance,
    };
}
