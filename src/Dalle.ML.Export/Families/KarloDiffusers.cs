using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Checkpoints;

namespace Dalle.ML.Export.Families;

/// <summary>
/// Karlo as diffusers saves it: a folder for each part, with its weights and its configuration. The image encoder is in another
/// repository, that of the variations, which lacks the prior.
/// </summary>
internal static class KarloDiffusers
{
    // Published weights are 16 bits in either kind of file, so the first is as good as any.
    private static readonly string[] Files =
        [.. from extension in new[] { "safetensors", "bin" } from variant in new[] { "", ".fp16" } from end in new[] { "", ".index.json" } select $"{variant}.{extension}{end}"];

    // Of its pipeline's, which takes half the steps of the original's.
    private const int DecoderSteps = 25;
    private const float Epsilon = 1e-5f;

    private static readonly string[] Parts = ["prior", "decoder", "text_proj", "super_res_first", "super_res_last", "text_encoder"];

    /// <summary>The model of folders of diffusers; null where the source is something else.</summary>
    /// <exception cref="InvalidDataException">The weights are not those of Karlo.</exception>
    /// <exception cref="FileNotFoundException">A part is missing without which the others are of no use.</exception>
    public static KarloModel? TryOpen(ExportSource source)
    {
        if (source.TryFindIn(["model_index.json", .. Parts.Select(part => part + "/config.json")]) is null)
            return null;
        var settings = new KarloSettings();
        var (prior, decoder, upsampler) = (Configuration(source, "prior"), Configuration(source, "decoder"), Configuration(source, "super_res_first"));
        Array.ForEach([decoder, upsampler, Configuration(source, "super_res_last")], CheckUnet);
        settings = settings with
        {
            TextHeads = Tower(source, "text_encoder").Number("num_attention_heads"),
            ImageHeads = Tower(source, "image_encoder").Number("num_attention_heads"),
            PriorHeads = prior.Number("num_attention_heads"),
            HeadSize = decoder.Number("attention_head_dim") ?? settings.HeadSize,
            ImageSize = decoder.Number("sample_size") ?? settings.ImageSize,
            UpsampledSize = upsampler.Number("sample_size") ?? settings.UpsampledSize,
            Prior = Sampling(source, "prior_scheduler", settings.Prior, "sample", "fixed_small_log"),
            Decoder = Sampling(source, "decoder_scheduler", settings.Decoder with { Steps = DecoderSteps }, "epsilon", "learned_range"),
            Upsampler = Sampling(source, "super_res_scheduler", settings.Upsampler, "epsilon", "fixed_small_log"),
            IsSingle = true,
            Fit = Fit.Crop,
        };
        var (priorWeights, unet, conditions) = (Weights(source, "prior"), Weights(source, "decoder"), Weights(source, "text_proj"));
        if (priorWeights is null && unet is null)
            throw new FileNotFoundException($"The folder has neither a prior nor a decoder: give the folder with {string.Join(", ", Parts.Select(part => $"'{part}'"))}.");
        if (unet is null != conditions is null)
            throw new FileNotFoundException("The folder has only one of 'decoder' and 'text_proj', which are one network: give the other too.");
        var (first, last) = (Weights(source, "super_res_first"), Weights(source, "super_res_last"));
        if (first is null != last is null)
            throw new FileNotFoundException("The folder has only one of 'super_res_first' and 'super_res_last': give the other too.");
        return new KarloModel
        {
            Clip = TransformersClip.Rename(
                Weights(source, "text_encoder", "model", "pytorch_model") ?? throw new FileNotFoundException("The folder has no weights in 'text_encoder', by which Karlo sees the text."),
                Weights(source, "image_encoder", "model", "pytorch_model")),
            Prior = priorWeights is null ? null : KarloDiffusersNames.Prior(priorWeights, settings.PriorHeads),
            Decoder = unet is null ? null : KarloDiffusersNames.Unet(unet, settings.HeadSize, conditions),
            Upsampler = first is null ? null : KarloDiffusersNames.Unet(first, settings.HeadSize),
            LastUpsampler = last is null ? null : KarloDiffusersNames.Unet(last, settings.HeadSize),
            Statistics = priorWeights is null ? null : Tensor.Concat(priorWeights.Read("clip_mean"), priorWeights.Read("clip_std")),
            Settings = settings,
            Tokenizer = (bundle, text) => ClipFamily.CopyTokenizer(bundle, Find(source, "tokenizer/vocab.json"), Find(source, "tokenizer/merges.txt"), text),
        };
    }

    /// <summary>The configuration of a tower of CLIP.</summary>
    /// <exception cref="InvalidDataException">The tower is not one of Karlo's.</exception>
    private static ModelConfiguration Tower(ExportSource source, string part)
    {
        var tower = Configuration(source, part);
        tower.Expect("hidden_act", "quick_gelu");
        tower.Expect("layer_norm_eps", Epsilon);
        return tower;
    }

    /// <summary>How a network is sampled from.</summary>
    /// <exception cref="InvalidDataException">The scheduler is not one of Karlo's.</exception>
    private static KarloSampling Sampling(ExportSource source, string part, KarloSampling published, string prediction, string variance)
    {
        var scheduler = Configuration(source, part, "scheduler_config.json");
        scheduler.Expect("prediction_type", prediction);
        scheduler.Expect("variance_type", variance);
        scheduler.Expect("beta_schedule", "squaredcos_cap_v2");
        scheduler.Expect("clip_sample", true);
        return published with
        {
            Range = scheduler.Real("clip_sample_range") ?? published.Range,
            Schedule = published.Schedule with { Timesteps = scheduler.Number("num_train_timesteps") ?? published.Schedule.Timesteps },
        };
    }

    private static void CheckUnet(ModelConfiguration unet)
    {
        unet.Expect("norm_num_groups", KarloUnetLayers.Groups);
        unet.Expect("norm_eps", Epsilon);
        unet.Expect("act_fn", "silu");
        unet.Expect("flip_sin_to_cos", true);
        unet.Expect("freq_shift", 0);
    }

    private static ModelConfiguration Configuration(ExportSource source, string part, string file = "config.json") =>
        new(source.TryFindIn($"{part}/{file}") is { } found ? JsonSettings.Read(found) : new Dictionary<string, object?>(), "");

    private static Checkpoint? Weights(ExportSource source, string part, params string[] names)
    {
        names = names.Length == 0 ? ["diffusion_pytorch_model"] : names;
        return source.TryFindIn([.. names.SelectMany(name => Files.Select(file => $"{part}/{name}{file}"))]) is { } found ? source.OpenFile(found) : null;
    }

    private static string Find(ExportSource source, string file) =>
        source.TryFindIn(file) ?? throw new FileNotFoundException($"The folder has no '{file}'.", file);
}
