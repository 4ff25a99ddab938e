using System.Text.RegularExpressions;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Where each file of DALLE2-pytorch's reference data is compared, or why it is not.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchFilesTests
{
    private const string Networks = nameof(Dalle2PytorchTests);
    private const string Bundles = nameof(Dalle2PytorchBundleTests);
    private const string Samplers = "tests/Dalle.ML.Tests, Generation/Diffusion";

    private static readonly (string File, string Where)[] Files =
    [
        (@"README\.md|.*config\.json|prompts\.json", "is read by the others"),
        (@".*\.(pth|pt|gz)", "is read by the others"),
        (@"fullsize_.*\.json", Networks),
        (@"(decoder/sample|decoder/inpaint|decoder_variants/(v_eta|xstart_unconditional)/sample)/.*", nameof(Dalle2PytorchDecoderTests)),
        (@"decoder/start_at_2/.*", "is the second stage of decoder/sample on a given image, which no method does"),
        (@"decoder_variants/ddpm_everything/(sample|inpaint)/.*", "was sampled without a text by a decoder that a bundle gives one"),
        (@".*/(sample|ddim|ddpm)/.*", Samplers),
        (@"(schedules|resize)/.*", Samplers),
        (@"dalle2/.*", nameof(Dalle2PytorchChainTests)),
        (@"clip/tokens_bang\.npy|clip/.*_bang\.npy", Bundles),
        (@"clip/(tokens|tokens_own|text_embed|text_embed_own|text_encodings|text_encodings_own|image_resized|image_embed)\.npy", Bundles),
        (@"clip/text_embed_raw\.npy", "has the direction of text_embed, and no network takes its length"),
        (@"clip/image\.npy", "becomes image_resized by resize's kernel, which " + Samplers + " compares"),
        (@".*/inter_rel_pos_bias\.npy", "is a table, from which the layers that " + Networks + " compares follow"),
        (@".*/(forward|inter)_?[^/]*\.npy", Networks),
        (@".*/(x|t|self_cond|mask|text_mask|text_embed|text_encodings|image_embed|lowres_cond_img|lowres_noise_level)\.npy", Networks),
    ];

    [Fact]
    public void Every_file_is_compared_somewhere_or_has_a_reason()
    {
        var root = GoldenFolder.Of("dalle2-pytorch");
        var files = Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'));
        Assert.All(files, file => Assert.Contains(Files, known => Regex.IsMatch(file, $"^({known.File})$")));
    }
}
