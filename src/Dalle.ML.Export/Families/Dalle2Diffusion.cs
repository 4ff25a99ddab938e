using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;

namespace Dalle.ML.Export.Families;

/// <summary>How DALLE2-pytorch samples, from a configuration.</summary>
internal static class Dalle2Diffusion
{
    private const int Timesteps = 1000;

    // What LAION's scripts use; the package itself has 1.
    private const float StageGuidance = 1.7f;

    /// <summary>The rules of a prior.</summary>
    /// <param name="settings">Its configuration.</param>
    /// <param name="prior">Its network.</param>
    /// <param name="scale">Length of the embeddings that it works on.</param>
    public static DiffusionRules Prior(ModelConfiguration settings, Dalle2Prior prior, float scale)
    {
        var predictsClean = settings.Flag("predict_x_start", fallback: true);
        var rules = Rules(settings, stage: 0, prior.Timesteps ?? Timesteps, Betas.Cosine);
        return rules with
        {
            Prediction = settings.Flag("predict_v") ? Prediction.Velocity : predictsClean ? Prediction.Clean : Prediction.Noise,
            Clamp = !predictsClean ? new Clamp { Kind = ClampKind.Range, Value = 1 }
                : settings.Flag("sampling_clamp_l2norm") ? new Clamp { Kind = ClampKind.Length, Value = scale } : null,
            Ddim = new DdimRules
            {
                Times = prior.Generation == Dalle2Generation.Third ? DdimTimes.ToClean : DdimTimes.ToFirst,
                Eta = 1,
                ShiftsAlphas = true,
                KeepsNoise = prior.Generation != Dalle2Generation.Third,
            },
        };
    }

    /// <summary>The rules of a stage.</summary>
    /// <param name="settings">The configuration of all stages.</param>
    /// <param name="unet">The network.</param>
    /// <param name="stage">Its number.</param>
    /// <param name="isLast">Whether the last of several.</param>
    public static DiffusionRules Stage(ModelConfiguration settings, Dalle2Unet unet, int stage, bool isLast)
    {
        var isThird = unet.Generation == Dalle2Generation.Third;
        var sees = unet.Embedding is not null || unet.TextWidth is not null;
        return Rules(settings, stage, Timesteps, isLast ? Betas.Linear : Betas.Cosine) with
        {
            Prediction = settings.Flag("predict_v", stage: stage) ? Prediction.Velocity
                : settings.Flag("predict_x_start", stage: stage) ? Prediction.Clean : Prediction.Noise,
            Variance = unet.Outputs == ImageLayers.Colors ? Variance.Posterior
                : settings.Flag("learned_variance_constrain_frac") ? Variance.LearnedSigmoid : Variance.Learned,
            Clamp = settings.Flag("use_dynamic_thres")
                ? new Clamp { Kind = ClampKind.Quantile, Value = settings.Real("dynamic_thres_percentile") ?? unet.Generation.DynamicQuantile }
                : new Clamp { Kind = ClampKind.Range, Value = 1 },
            Ddim = new DdimRules
            {
                Times = DdimTimes.ToFirst,
                Eta = settings.Real("ddim_sampling_eta") ?? (isThird ? 0 : 1),
                ShiftsAlphas = !isThird,
                KeepsNoise = !isThird,
            },
            Guidance = sees ? StageGuidance : 1,
            GuidesVariance = true,
        };
    }

    private static DiffusionRules Rules(ModelConfiguration settings, int stage, int timesteps, Betas betas)
    {
        timesteps = settings.Number("timesteps") ?? timesteps;
        var steps = settings.Number("sample_timesteps", stage);
        var word = settings.Word("beta_schedule", stage);
        return new DiffusionRules
        {
            Prediction = Prediction.Noise,
            Schedule = new NoiseSchedule
            {
                Betas = word is null ? betas : Enum.TryParse<Betas>(word, ignoreCase: true, out var named) ? named
                    : throw new InvalidDataException($"The configuration's noise schedule '{word}' is unknown; there are cosine, linear, quadratic, jsd and sigmoid."),
                Timesteps = timesteps,
            },
            Sampler = steps < timesteps ? DiffusionSampler.Ddim : DiffusionSampler.Ddpm,
            Steps = Math.Min(steps ?? timesteps, timesteps),
        };
    }
}
