using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class ClipTests
{
    private static readonly HiddenState[] ImageStates =
    [
        new("vit_conv1", "patches/Conv"),
        new("vit_ln_pre", "patches/"),
        new(@"vit_block(\d+)", "layer_$1/"),
        new("vit_ln_post", "LayerNormalization"),
        new("rn_stem", "stem/"),
        new(@"rn_layer(\d+)", "layer$1."),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders("openai-clip", "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var bundle = Bundle.Open(Export(Beside(inter, "model_jit.pt")));
        var (graphs, pixels, tokens) = (bundle.Manifest.Clip!, Read(inter, "pixels"), Read(inter, "tokens"));
        var (image, text) = (pixels.Floats()[..(pixels.Floats().Length / pixels.Shape[0])], tokens.Longs()[..tokens.Shape[1]]);
        using var states = new HiddenStates(inter);
        states.Compare(bundle.PathOf(graphs.ImageEncoder), ImageStates, Unnormalized(image));
        states.Compare(bundle.PathOf(graphs.TextEncoder), TextStates(text.IndexOf(text.Max())), text);
        states.AssertNoneIsLeft();
    }

    /// <summary>Only the end of the text is normalised.</summary>
    private static HiddenState[] TextStates(int end) =>
    [
        new(@"text_block(\d+)", "layer_$1/"),
        new("text_ln_final", "LayerNormalization", state => HiddenState.Position(state, end)),
    ];
}
