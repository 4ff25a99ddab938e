using System.Runtime.InteropServices;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>Writes the networks of DALLE2-pytorch and describes them as its configuration has them.</summary>
internal static class Dalle2Graphs
{
    private const int PriorCandidates = 2;
    private const int InpaintPasses = 5;

    // Of 1000 timesteps of a linear schedule; the package's default, which no published configuration changes.
    private const float NoiseLevel = 0.2f;
    private const int NoiseTimesteps = 1000;

    /// <summary>Writes the text tower.</summary>
    public static UnclipText Text(BundleWriter bundle, OpenAiClip clip, Checkpoint weights, TokenizerFiles tokenizer, bool hasEnds) => new()
    {
        File = Dalle2Text.Write(bundle, clip, weights),
        Format = ClipFamily.Format(tokenizer, clip.Text, hasEnds),
    };

    /// <summary>Writes a prior.</summary>
    public static DiffusionPriorGraphs Prior(
        ExportSource source, BundleWriter bundle, Dalle2Prior prior, Checkpoint weights, ModelConfiguration settings, int sequenceLength)
    {
        var scale = settings.Real("image_embed_scale") ?? MathF.Sqrt(settings.Number("image_embed_dim") ?? prior.Dim);
        var (condition, step) = prior.Write(bundle, weights, sequenceLength, source.Precision);
        return new DiffusionPriorGraphs
        {
            Condition = condition,
            File = step,
            Diffusion = Dalle2Diffusion.Prior(settings, prior, scale),
            Statistics = scale == 1 ? null : WriteScale(bundle, scale, prior.Dim),
            HeedsGuidance = prior.HeedsGuidance,
            Candidates = PriorCandidates,
            NoiseLength = settings.Flag("init_image_embed_l2norm") ? scale : null,
            ResultLength = settings.Flag("sampling_final_clamp_l2norm") && settings.Flag("predict_x_start", fallback: true) ? scale : null,
        };
    }

    /// <summary>The prior works on embeddings of another length: means of 0 and deviations of its inverse bring them back.</summary>
    private static string WriteScale(BundleWriter bundle, float scale, int dim)
    {
        float[] statistics = [.. Enumerable.Repeat(0f, dim), .. Enumerable.Repeat(1 / scale, dim)];
        return bundle.Write("prior_scale.bin", MemoryMarshal.AsBytes(statistics.AsSpan()));
    }

    /// <summary>The UNet of a stage, by its weights and what its configuration alone tells.</summary>
    public static Dalle2Unet Unet(Checkpoint weights, Dalle2Generation generation, ModelConfiguration settings, int stage)
    {
        var network = settings.Network($"unets.{stage}");
        return Dalle2Unet.Infer(weights, generation, new UnetOptions
        {
            Groups = network.Numbers("resnet_groups") ?? [8],
            SeesLowResolution = stage > 0,
            SelfConditions = network.Flag("self_cond"),
            IsCosineSelf = network.Flag("cosine_sim_self_attn"),
            IsCosineCross = network.Flag("cosine_sim_cross_attn"),
            StandardizesWeights = network.Flag("resnet_weight_standardization"),
            ScalesSkips = network.Flag("scale_skip_connection"),
        });
    }

    /// <summary>Writes a stage.</summary>
    public static DiffusionStage Stage(
        ExportSource source, BundleWriter bundle, Dalle2Unet unet, Checkpoint weights, ModelConfiguration settings, int stage, int count, int sequenceLength)
    {
        var size = (settings.Count("image_sizes") > 0 ? settings.Number("image_sizes", stage) : settings.Number("image_size"))
            ?? throw new InvalidDataException("The weights of a decoder do not tell the size of its images: give its configuration (decoder_config.json with 'image_sizes') too.");
        unet.Check(size);
        var (condition, step) = unet.Write(bundle, $"stage_{stage + 1}", weights, size, sequenceLength, source.Precision);
        return new DiffusionStage
        {
            Condition = condition,
            File = step,
            Size = size,
            Diffusion = Dalle2Diffusion.Stage(settings, unet, stage, isLast: count > 1 && stage == count - 1),
            LowResolution = stage == 0 ? null : new LowResolution
            {
                Resample = unet.Generation.EnlargesSmoothly ? Upsampling.PaddedBicubic : Upsampling.Nearest,
                Noise = unet.SeesNoiseLevel ? new LowResolutionNoise
                {
                    Level = (int)((settings.Real("lowres_noise_sample_level") ?? NoiseLevel) * NoiseTimesteps),
                    Schedule = new NoiseSchedule { Betas = Betas.Linear, Timesteps = NoiseTimesteps },
                } : null,
            },
            InpaintPasses = InpaintPasses,
        };
    }
}
