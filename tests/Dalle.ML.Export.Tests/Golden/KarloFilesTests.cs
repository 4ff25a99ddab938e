using System.Text.RegularExpressions;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Where each file of Karlo's reference data is compared, or why it is not.</summary>
[Trait("Category", "Golden")]
public sealed class KarloFilesTests
{
    private const string Read = "is read by the others";
    private const string Networks = nameof(KarloTests);
    private const string Chains = nameof(KarloChainTests);
    private const string Diffusers = nameof(KarloDiffusersTests);
    private const string Schedulers = "tests/Dalle.ML.Tests, Golden/KarloSchedulerTests";
    private const string Sampling = nameof(KarloSamplingTests);
    private const string Later = "is for functions of the library: resizing, slerp, inversion, inpainting; none of them is part of an export";

    private static readonly Dictionary<string, (string File, string Where)[]> Files = new()
    {
        ["karlo"] =
        [
            (@"README\.md|config\.json|(.*/)?prompts?\.json|.*\.(ckpt|th|pt|gz)", Read),
            (@"clip_(mean|std)\.npy", "are what is in clip_stats.th, without which no chain would end as it does"),
            (@"fullsize_(prior|decoder|sr|diffusers_(prior|decoder|text_proj|super_res_first))\.json", Networks),
            (@"tokens_cases\.json", Networks),
            (@"tokens_cases_full\.json", "needs the whole vocabulary of CLIP, which is not in the folder; tests/Dalle.ML.Tests reads such cases of openai-clip"),
            (@"(pipeline/)?(tokens|mask|txt_feat|txt_feat_seq)\.npy", Networks),
            (@"(prior|decoder)/(x|t|y|forward|t_emb|inter_.*)\.npy|sr/(x|low_res|forward_first|forward_last)\.npy", Networks),
            (@"pipeline/(prior|decoder)/(x|raw|t_model|image_feat)\.npy", Networks),
            (@"variations/(resized_u8|diffusers_crop_u8|image_feat|image_feat_crop)\.npy", Networks),
            (@"image\.npy|(prior|decoder|sr)/sample_(init|step)_noise\.npy|pipeline/(prior|decoder|sr)/(init_noise|step_noise|image)\.npy", Chains),
            (@"(prior/sample_image_feat|(decoder|sr)/sample_steps|sr/upsampled)\.npy", "lies on the way to image.npy, which " + Chains + " compares"),
            (@"pipeline/(image_u8|sr/low_res|decoder/guided_eps_step0)\.npy", "lies on the way to pipeline/sr/image.npy, or is that in bytes"),
            (@"pipeline/.*/(x|pred_xstart|mean|log_variance|t_model|image64)\.npy", Schedulers),
            (@"schedules/.*|ddim/decoder_.*", Schedulers),
            (@"(prior|decoder|sr)/(betas|posterior_log_variance_clipped|timestep_map)\.npy", "are tables of few steps by the rule of schedules, which " + Schedulers + " compares"),
            (@"ddim/prior_.*", Sampling),
            (@"resample/(in|bicubic)_\d+.*\.npy", "is the filter of sr/low_res and of diffusers/out/upscaled, which " + Diffusers + " compares"),
            (@"resample/bicubic_noaa_.*\.npy", "is what Karlo does not do"),
            (@"variations/(decoder|sr|with_text)/.*|(interpolation|textdiff)/images\.npy|interpolation/(slerp|x_T)\.npy|textdiff/embeddings\.npy", Sampling),
            (@"variations/pixels\.npy", "is what the image tower's graph makes of resized_u8"),
            (@"interpolation/slerp_diffusers\.npy", "is a fault of pipelines of diffusers, which is not repeated"),
            (@"variations/input\.(png|npy)|(interpolation|textdiff|inversion|inpaint)/.*", Later),
            (@"diffusers/.*/.*\.(json|txt|bin)|diffusers/model_index\.json", Read),
            (@"diffusers/out/.*\.npy", Diffusers),
        ],
        ["karlo-diffusers"] =
        [
            (@"README\.md|prompt\.json|mapping\.md|(original|diffusers)/.*", Read),
            (@"agreement\.json", "says how near diffusers came to the same numbers"),
            (@"mapping_fullsize\.tsv", Diffusers),
            (@"scheduler_steps\.json", Diffusers),
            (@"(tokens|mask|txt_feat|txt_feat_seq)\.npy|forward/.*\.npy", Diffusers),
            (@"sample/(prior|decoder|sr)_(init|step)_noise\.npy|sample/(image|diffusers_clip5_image)\.npy", Chains),
            (@"sample/(image_embedding|decoder_steps|upsampled|sr_first_and_last_step|diffusers_clip5_image_embedding)\.npy", "lies on the way to the images, which " + Chains + " compares"),
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
