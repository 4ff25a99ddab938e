using System.Text.RegularExpressions;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>Where each file of DALLE2-pytorch's reference data is compared, or why it is not.</summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchFilesTests
{
    private const string Networks = nameof(Dalle2PytorchTests);
    private const string Bundles = nameof(Dalle2PytorchBundleTests);
    private const string Chains = nameof(Dalle2PytorchChainTests);
    private const string Steps = nameof(Dalle2PytorchStepTests);
    private const string Schedules = "tests/Dalle.ML.Tests, Golden/Dalle2ScheduleTests";

    private static readonly (string File, string Where)[] Files =
    [
        (@"README\.md|.*config\.json|prompts\.json", "is read by the others"),
        (@".*\.(pth|pt|gz)", "is read by the others"),
        (@"fullsize_.*\.json", Networks),
        (@"prior/sample/.*|dalle2/.*", Chains),
        // Of decoder, v_eta and xstart_unconditional whole runs too (Dalle2PytorchDecoderTests). The untrained network of ddpm_everything, which
        // sees its own last estimate, makes ten times as much of a difference in each step: of it there are the steps alone.
        (@".*/(sample|ddim|ddpm|inpaint|start_at_2)/.*\.npy", Steps),
        (@"(schedules|resize)/.*", Schedules),
        (@"clip/(tokens|text_embed|text_encodings)(_own|_bang)?\.npy|clip/(image|image_resized|image_embed)\.npy", Bundles),
        (@"clip/text_embed_raw(_bang)?\.npy", "has the direction of text_embed, and no network takes its length"),
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
