using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Kakao Brain's Karlo, a DALL·E 2: from its own files or from their conversion to diffusers, which have the same networks.
/// </summary>
internal static class KarloFamily
{
    private const string Name = "karlo";
    private const int FastSteps = 25;
    private const float ClipScale = 100;

    public static ModelFamily Family { get; } = new(
        Name, "checkpoints of prior, decoder and super-resolution, ViT-L-14_stats.th, ViT-L-14.pt and bpe_simple_vocab_16e6.txt.gz, in any order, or their folder; or the folder of diffusers, and that of its image encoder behind it", Export)
    {
        Sizes = [.. KarloSizes.All.Keys],
    };

    private static Manifest Export(ExportSource source, BundleWriter bundle)
    {
        source.RequireFloats(Name);
        var model = source.Size is not null ? KarloSizes.Open(source) : KarloDiffusers.TryOpen(source) ?? KarloFiles.Open(source);
        var networks = source.Size is { } size ? KarloSizes.All[size] : model.Infer();
        networks.Decoder?.Check(networks.ImageSize);
        networks.Upsampler?.Check(networks.UpsampledSize);
        var format = ClipFamily.Format(model.Tokenizer(bundle, networks.Text), networks.Text);
        var text = KarloText.Write(bundle, networks.Text, networks.Embedding, model.Clip);
        var image = networks.Clip?.WriteImage(bundle, model.Clip.Subtree("visual."), "image.onnx", "embedding", raw: "features");
        return source.Describe(Name) with
        {
            Clip = networks.Clip is null ? null : new ClipGraphs
            {
                TextEncoder = text,
                ImageEncoder = image!,
                Text = format,
                EmbeddingDimension = networks.Embedding,
                ImageSize = networks.Clip.ImageSize,
                Transparency = Transparency.Dropped,
                Scale = ClipScale,
            },
            Unclip = new UnclipGraphs
            {
                EmbeddingDimension = networks.Embedding,
                Text = new UnclipText { File = text, Format = format },
                Image = networks.Clip is null ? null : new UnclipImage { File = image!, Size = networks.Clip.ImageSize, Fit = model.Settings.Fit },
                Prior = networks.Prior is null ? null : WritePrior(bundle, networks.Prior, model, source.Precision),
                Stages =
                [
                    .. networks.Decoder is null ? Array.Empty<DiffusionStage>() : [WriteDecoder(bundle, networks, model, source.Precision)],
                    .. networks.Decoder is null || networks.Upsampler is null ? Array.Empty<DiffusionStage>() : [WriteUpsampler(bundle, networks, model, source.Precision)],
                ],
            },
        };
    }

    private static DiffusionPriorGraphs WritePrior(BundleWriter bundle, KarloPrior prior, KarloModel model, Precision precision)
    {
        var (condition, step) = prior.Write(bundle, model.Prior!, precision);
        return new DiffusionPriorGraphs
        {
            Condition = condition,
            File = step,
            Diffusion = Rules(model, model.Settings.Prior, Prediction.Clean),
            Statistics = model.Statistics is { } statistics ? bundle.Write("prior_statistics.bin", MemoryMarshal.AsBytes(statistics.Values.AsSpan())) : null,
        };
    }

    private static DiffusionStage WriteDecoder(BundleWriter bundle, KarloNetworks networks, KarloModel model, Precision precision)
    {
        var (unet, weights, length, sampling) = (networks.Decoder!, model.Decoder!, networks.Text.Length, model.Settings.Decoder);
        return new DiffusionStage
        {
            Condition = unet.WriteCondition(bundle, "decoder_condition.onnx", weights, length, precision),
            File = unet.WriteStep(bundle, "decoder.onnx", weights, networks.ImageSize, length, precision),
            Size = networks.ImageSize,
            Diffusion = Rules(model, sampling, Prediction.Noise) with
            {
                Variance = unet.Outputs == ImageLayers.Colors ? Variance.Posterior : Variance.Learned,
                FastSteps = sampling.Steps > FastSteps ? FastSteps : null,
            },
            InpaintPasses = 1,
        };
    }

    private static DiffusionStage WriteUpsampler(BundleWriter bundle, KarloNetworks networks, KarloModel model, Precision precision)
    {
        string Write(string file, Checkpoint weights) => networks.Upsampler!.WriteStep(bundle, file, weights, networks.UpsampledSize, networks.Text.Length, precision);
        return new DiffusionStage
        {
            File = Write("upsampler.onnx", model.Upsampler!),
            Last = new LastSteps { File = Write("upsampler_last.onnx", model.LastUpsampler!), Steps = 1 },
            Size = networks.UpsampledSize,
            Diffusion = Rules(model, model.Settings.Upsampler, Prediction.Noise),
            LowResolution = new LowResolution { Resample = Upsampling.Bicubic },
        };
    }

    private static DiffusionRules Rules(KarloModel model, KarloSampling sampling, Prediction prediction) => new()
    {
        Prediction = prediction,
        Schedule = sampling.Schedule with { IsSingle = model.Settings.IsSingle },
        Clamp = new Clamp { Kind = ClampKind.Range, Value = sampling.Range },
        Sampler = sampling.Sampler,
        Steps = sampling.Steps,
        Guidance = sampling.Guidance,
    };
}
