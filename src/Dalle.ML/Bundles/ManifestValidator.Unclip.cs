namespace Dalle.ML.Bundles;

internal sealed partial class ManifestValidator
{
    private const int MaxStages = 8;
    private const int MaxTimesteps = 10_000;
    private const int MaxUnclipCandidates = 512;
    private const int MaxInpaintPasses = 1000;

    /// <summary>With fewer timesteps the betas that end at 20/T reach 1, and nothing can be divided by what remains.</summary>
    private const int LeastScaledTimesteps = 21;

    private void CheckUnclip(UnclipGraphs graphs)
    {
        InRange("unclip.embedding", graphs.EmbeddingDimension, 1, MaxEmbedding);
        if (graphs.Text is { } text)
        {
            Graph("unclip.text.file", text.File);
            CheckText("unclip.text.format", text.Format);
        }
        if (graphs.Image is { } image)
        {
            Graph("unclip.image.file", image.File);
            InRange("unclip.image.size", image.Size, 1, MaxImageSide);
            if (!image.Rounds && image.Resample != ResampleFilter.Bicubic)
                throw Error("'unclip.image.resample' must be 'bicubic' where 'unclip.image.rounds' is false.");
        }
        if (graphs.Prior is { } prior)
            CheckPrior(prior, graphs);
        if (graphs.Prior is null && graphs.Stages.Count == 0)
            throw Error("'unclip' has neither 'prior' nor 'stages'.");
        InRange("unclip.stages.length", graphs.Stages.Count, 0, MaxStages);
        for (var number = 0; number < graphs.Stages.Count; number++)
            CheckStage($"unclip.stages[{number}]", graphs.Stages[number], isFirst: number == 0);
    }

    private void CheckPrior(DiffusionPriorGraphs prior, UnclipGraphs graphs)
    {
        const string Key = "unclip.prior";
        if (graphs.Text is null)
            throw Error($"'{Key}' needs 'unclip.text'.");
        Graph($"{Key}.condition", prior.Condition);
        Graph($"{Key}.file", prior.File);
        InRange($"{Key}.candidates", prior.Candidates, 1, MaxUnclipCandidates);
        Positive($"{Key}.noiseLength", prior.NoiseLength);
        Positive($"{Key}.resultLength", prior.ResultLength);
        CheckDiffusion($"{Key}.diffusion", prior.Diffusion);
        if (prior.Diffusion.Variance != Variance.Posterior)
            throw Error($"'{Key}.diffusion.variance' must be 'posterior': a prior predicts no variance.");
        if (prior.Statistics is { } statistics)
        {
            Listed($"{Key}.statistics", statistics);
            var size = 2L * graphs.EmbeddingDimension * sizeof(float);
            if (_manifest.Files[statistics].Size != size)
                throw Error($"'{Key}.statistics' names a file of {_manifest.Files[statistics].Size} bytes; means and deviations of {graphs.EmbeddingDimension} values take {size}.");
        }
    }

    private void CheckStage(string key, DiffusionStage stage, bool isFirst)
    {
        Graph($"{key}.condition", stage.Condition);
        Graph($"{key}.file", stage.File);
        InRange($"{key}.size", stage.Size, 1, MaxImageSide);
        CheckDiffusion($"{key}.diffusion", stage.Diffusion);
        if (stage.Last is { } last)
        {
            Graph($"{key}.last.file", last.File);
            InRange($"{key}.last.steps", last.Steps, 1, stage.Diffusion.Steps);
        }
        if (stage.LowResolution is null != isFirst)
            throw Error($"'{key}.lowResolution' {(isFirst ? "is given: the first stage has no other before it" : "is missing: every stage but the first makes an image larger")}.");
        if (stage.LowResolution?.Noise is { } noise)
        {
            CheckSchedule($"{key}.lowResolution.noise.schedule", noise.Schedule);
            InRange($"{key}.lowResolution.noise.level", noise.Level, 0, noise.Schedule.Timesteps - 1);
        }
        if (stage.InpaintPasses is { } passes)
            InRange($"{key}.inpaintPasses", passes, 1, MaxInpaintPasses);
    }

    private void CheckDiffusion(string key, DiffusionRules rules)
    {
        CheckSchedule($"{key}.schedule", rules.Schedule);
        InRange($"{key}.steps", rules.Steps, 1, rules.Schedule.Timesteps);
        if (rules.FastSteps is { } fast)
            InRange($"{key}.fastSteps", fast, 1, rules.Schedule.Timesteps);
        if (!float.IsFinite(rules.Guidance))
            throw Error($"'{key}.guidance' is {rules.Guidance}; it must be a finite number.");
        if (rules.Ddim.Eta is not (>= 0 and <= 1))
            throw Error($"'{key}.ddim.eta' is {rules.Ddim.Eta}; it must lie between 0 and 1.");
        if (rules.Clamp is { } clamp)
        {
            Positive($"{key}.clamp.value", clamp.Value);
            if (clamp is { Kind: ClampKind.Quantile, Value: > 1 })
                throw Error($"'{key}.clamp.value' is {clamp.Value}; a quantile is at most 1.");
        }
    }

    private void CheckSchedule(string key, NoiseSchedule schedule) =>
        InRange($"{key}.timesteps", schedule.Timesteps, schedule.Betas is Betas.Cosine or Betas.Jsd ? 1 : LeastScaledTimesteps, MaxTimesteps);

    private void Positive(string key, float? value)
    {
        if (value is { } number && !(float.IsFinite(number) && number > 0))
            throw Error($"'{key}' is {number}; it must be a positive number.");
    }
}
