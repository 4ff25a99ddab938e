using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class RuClipTests
{
    private static readonly HiddenState[] ImageStates =
    [
        new("vit_ln_pre", "patches/"),
        new(@"(?:vit_block|vision_layer)(\d+)", "layer_$1/"),
        new("vit_ln_post", "LayerNormalization"),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders(Family, "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var bundle = Bundle.Open(Export(inter));
        var (graphs, pixels) = (bundle.Manifest.Clip!, Read(inter, "pixels"));
        var image = pixels.Floats()[..(pixels.Floats().Length / pixels.Shape[0])];
        var ids = new Text.PromptTokenizer(bundle, graphs.Text).Encode(Cases()[1].Text);
        using var states = new HiddenStates(inter);
        states.Compare(bundle.PathOf(graphs.ImageEncoder), ImageStates, Unnormalized(inter, image));
        states.Compare(bundle.PathOf(graphs.TextEncoder), IsOlder(inter) ? OlderTextStates(ids) : TextStates(ids), ids);
        states.AssertNoneIsLeft();
    }

    /// <summary>Only the end of the text is normalised.</summary>
    private static HiddenState[] TextStates(long[] ids) =>
    [
        new(@"text_block(\d+)", "layer_$1/"),
        new("text_ln_final", "LayerNormalization", state => HiddenState.Position(state, Array.IndexOf(ids, 3))),
    ];

    /// <summary>As <see cref="TextStates"/>, with the largest id, and without the padding that the reference masks.</summary>
    private static HiddenState[] OlderTextStates(long[] ids) =>
    [
        new(@"text_layer(\d+)", "layer_$1/", state => state.Floats()[..(ids.Count(id => id != 0) * state.Shape[2])], IsBeginning: true),
        new("text_final_layer_norm", "LayerNormalization", state => HiddenState.Position(state, Array.IndexOf(ids, ids.Max()))),
    ];
}
