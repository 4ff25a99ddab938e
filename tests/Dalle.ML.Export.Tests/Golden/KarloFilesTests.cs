using System.Text.RegularExpressions;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Where each file of Karlo's reference data is compared, or why it is not.</summary>
[Trait("Category", "Golden")]
public sealed class KarloFilesTests
{
    private const string Read = "is read by the others";
    private const string Networks = nameof(KarloTests);
    private const string Chains = nameof(KarloChainTests);
    private const string Runs = nameof(KarloRunTests);
    private const string Diffusers = nameof(KarloDiffusersTests);
    private const string Sampling = nameof(KarloSamplingTests) + ", " + nameof(KarloEditTests);
    private const string Schedulers = "tests/Dalle.ML.Tests, Golden/KarloSchedulerTests";
    private const string Embeddings = "tests/Dalle.ML.Tests, Golden/KarloEmbeddingTests";

    private static readonly Dictionary<string, (string File, string Where)[]> Files = new()
    {
        ["karlo"] =
        [
            (@"README\.md|config\.json|(.*/)?prompts?\.json|interpolation/theta\.json|.*\.(ckpt|th|pt|gz)", Read),
            (@"clip_(mean|std)\.npy", "are what is in clip_stats.th, without which no embedding of the prior would be as it is"),
            (@"fullsize_(prior|decoder|sr|diffusers_(prior|decoder|text_proj|super_res_first))\.json", Networks),
            (@"tokens_cases\.json", Networks),
            (@"tokens_cases_full\.json", "needs the whole vocabulary of CLIP, which is not in the folder; tests/Dalle.ML.Tests reads such cases of openai-clip"),
            (@"(pipeline/)?(tokens|mask|txt_feat|txt_feat_seq)\.npy", Networks),
            (@"(prior|decoder)/(x|t|y|forward|t_emb|inter_.*)\.npy|sr/(x|low_res|forward_first|forward_last)\.npy", Networks),
            (@"pipeline/(prior|decoder)/(x|raw|t_model)\.npy", Networks),
            (@"variations/(input\.png|(input|resized_u8|diffusers_crop_u8|image_feat|image_feat_crop)\.npy)|textdiff/txt_feat\.npy", Networks),
            (@"variations/pixels\.npy", "is what the image tower's graph makes of resized_u8"),
            (@"image\.npy|pipeline/(image_u8|sr/image|prior/image_feat)\.npy|pipeline/.*/(init|step)_noise\.npy", Chains),
            (@"(prior|decoder|sr)/sample_.*\.npy|sr/upsampled\.npy|pipeline/(sr/low_res|decoder/guided_eps_step0)\.npy", Runs),
            (@"pipeline/.*/(x|pred_xstart|mean|log_variance|t_model|image64)\.npy", Schedulers),
            (@"(prior|decoder|sr)/(betas|posterior_log_variance_clipped|timestep_map)\.npy|schedules/.*", Schedulers),
            (@"resample/(in|bicubic)_\d+.*\.npy", Schedulers),
            (@"resample/bicubic_noaa_.*\.npy", "is what Karlo does not do"),
            (@"ddim/.*|variations/(decoder|sr|with_text)/.*|inversion/.*|inpaint/.*|(interpolation|textdiff)/images\.npy|interpolation/x_T\.npy", Sampling),
            (@"interpolation/(a|b|slerp)\.npy|textdiff/(z_d|unit|embeddings)\.npy", Embeddings),
            (@"interpolation/slerp_diffusers\.npy", "is a fault of pipelines of diffusers, which is not repeated"),
            (@"diffusers/.*/.*\.(json|txt|bin)|diffusers/model_index\.json", Read),
            (@"diffusers/out/.*\.npy", Diffusers + ", " + Runs),
        ],
        ["karlo-diffusers"] =
        [
            (@"README\.md|prompt\.json|mapping\.md|(original|diffusers)/.*", Read),
            (@"agreement\.json", "says how near diffusers came to the same numbers"),
            (@"mapping_fullsize\.tsv", Diffusers),
            (@"scheduler_steps\.json", Diffusers),
            (@"(tokens|mask|txt_feat|txt_feat_seq)\.npy|forward/.*\.npy", Diffusers),
            (@"sample/(prior|decoder|sr)_(init|step)_noise\.npy|sample/(image|diffusers_clip5_image|diffusers_clip5_image_embedding)\.npy", Chains),
            (@"sample/(image_embedding|decoder_steps|upsampled|sr_first_and_last_step)\.npy", Runs),
        ],
    };

    [Theory]
    [InlineData("karlo")]
    [InlineData("karlo-diffusers")]
    public void Every_file_is_compared_somewhere_or_has_a_reason(string family)
    {
        var root = GoldenFolder.Of(family);
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'));
        Assert.All(files, file => Assert.Contains(Files[family], known => Regex.IsMatch(file, $"^({known.File})$")));
    }
}
