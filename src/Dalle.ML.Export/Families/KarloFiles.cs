using System.Globalization;
using Dalle.ML.Bundles;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>Karlo's own files: Lightning checkpoints of prior, decoder and super-resolution, the statistics, CLIP.</summary>
internal static class KarloFiles
{
    /// <exception cref="InvalidDataException">A file is of no known format, or none of Karlo.</exception>
    /// <exception cref="FileNotFoundException">A file is missing without which the others are of no use.</exception>
    public static KarloModel Open(ExportSource source)
    {
        var files = GivenFiles.Open(source);
        string[] tensors = ["prd_emb", "cf_param", "model_first_steps.out.2.weight", "ln_final.weight"];
        if (files.Checkpoints.FirstOrDefault(file => !IsStatistics(file) && tensors.All(tensor => file.Checkpoint.TryFindSubtree(tensor) is null)) is { } other)
        {
            throw new InvalidDataException($"'{other.Path}' is no part of Karlo: it has none of {string.Join(", ", tensors.Select(tensor => $"'{tensor}'"))}. "
                + "Files of DALLE2-pytorch are exported as 'dalle2-pytorch', a folder of diffusers is given as the folder.");
        }
        Checkpoint? Find(string tensor) => files.Checkpoints.Select(file => file.Checkpoint.TryFindSubtree(tensor)).FirstOrDefault(found => found is not null);
        var prior = Find("prd_emb");
        var upsamplers = Find("model_first_steps.out.2.weight");
        var model = new KarloModel
        {
            Clip = Find("ln_final.weight") ?? throw new FileNotFoundException("Karlo sees the text by CLIP, and none of the files holds it: give ViT-L-14.pt, or its state, too."),
            Prior = prior,
            Decoder = Find("cf_param"),
            Upsampler = upsamplers?.Subtree("model_first_steps."),
            LastUpsampler = upsamplers?.Subtree("model_last_step."),
            Statistics = prior is null ? null : Statistics(files),
            Settings = Settings(files, source),
            Tokenizer = (bundle, text) => ClipFamily.CopyTokenizer(bundle, files.Vocabulary(), files.Merges, text),
        };
        return model.Prior is not null || model.Decoder is not null ? model
            : throw new InvalidDataException("None of the files has a prior ('prd_emb') or a decoder ('cf_param') of Karlo: give one of them at least.");
    }

    // A tuple of two vectors.
    private static bool IsStatistics(GivenCheckpoint file) => file.Checkpoint.Names.Order(StringComparer.Ordinal).SequenceEqual(["0", "1"]);

    private static Tensor Statistics(GivenFiles files)
    {
        var file = files.Checkpoints.FirstOrDefault(IsStatistics)
            ?? throw new FileNotFoundException("The prior works on standardised embeddings: give ViT-L-14_stats.th, their means and deviations, too.");
        var count = file.Checkpoint.Shape("0", rank: 1)[0];
        return Tensor.Concat(file.Checkpoint.Read("0"), file.Checkpoint.Read("1", count));
    }

    /// <summary>The parameters that the original's classes take, for models of other sizes than the published.</summary>
    private static KarloSettings Settings(GivenFiles files, ExportSource source)
    {
        var settings = new KarloSettings();
        if ((files.Configurations.Count > 0 ? files.Configurations[0] : source.Beside("config.json")) is not { } file)
        {
            source.Note($"no config.json is given or beside Karlo's files: attention heads of {settings.HeadSize} channels and images of {settings.ImageSize} and {settings.UpsampledSize} "
                + "pixels are assumed, as published.");
            return settings;
        }
        var values = new ModelConfiguration(JsonSettings.Read(file), "");
        return settings with
        {
            TextHeads = values.Number("clip.transformer_heads"),
            PriorHeads = values.Number("prior.hparams.xf_heads"),
            HeadSize = values.Number("decoder.hparams.num_head_channels") ?? settings.HeadSize,
            ImageSize = values.Number("decoder.hparams.image_size") ?? settings.ImageSize,
            UpsampledSize = values.Number("sr.size") ?? settings.UpsampledSize,
            Prior = Sampling(values, "prior", settings.Prior, predictsClean: true),
            Decoder = Sampling(values, "decoder", settings.Decoder, predictsClean: false),
            Upsampler = Sampling(values, "sr", settings.Upsampler, predictsClean: false),
        };
    }

    /// <summary>How a network is sampled from, by the parameters of the original's diffusion; what they do not give is as published.</summary>
    /// <exception cref="InvalidDataException">They are not those of Karlo.</exception>
    private static KarloSampling Sampling(ModelConfiguration values, string network, KarloSampling published, bool predictsClean)
    {
        const string Linear = "linear", Cosine = "squaredcos_cap_v2", Ddim = "ddim";
        values.Expect($"{network}.diffusion.predict_xstart", predictsClean);
        var schedule = values.Expect($"{network}.diffusion.noise_schedule", Cosine, Linear) == Linear ? Betas.Linear : Betas.Cosine;
        var timesteps = values.Number($"{network}.diffusion.steps") ?? published.Schedule.Timesteps;
        var name = $"{network}.timestep_respacing";
        var respacing = values.Word(name) ?? "";
        var isDdim = respacing.StartsWith(Ddim, StringComparison.Ordinal);
        if (!int.TryParse(isDdim ? respacing[Ddim.Length..] : respacing, NumberStyles.None, CultureInfo.InvariantCulture, out var steps) && respacing.Length > 0)
            throw new InvalidDataException($"The configuration's '{name}' is '{respacing}'; steps are spread evenly here: it must be a number of them, such as '25', or 'ddim25'.");
        return published with
        {
            Steps = Math.Min(respacing.Length > 0 ? steps : published.Steps, timesteps),
            Sampler = isDdim ? DiffusionSampler.Ddim : DiffusionSampler.Ddpm,
            Guidance = values.Real($"{network}.cf_scale") ?? published.Guidance,
            Schedule = published.Schedule with { Betas = schedule, Timesteps = timesteps },
        };
    }
}
