namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class DallePytorchTests
{
    // A branch ends with its factor, before the residual path.
    private static readonly HiddenState[] TransformerStates =
    [
        new(@"layer(\d+)_attn_branch", "transformer/layer_$1/attention/Mul"),
        new(@"layer(\d+)_ff_branch", "transformer/layer_$1/feed_forward/Mul"),
        new("transformer", "transformer/"),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders(Family, "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var bundle = Export(inter);
        // Of the first example; its last token is generated and not run.
        var image = Longs(inter, "image_codes").Take(bundle.Manifest.Image!.Tokens - 1).Select(code => bundle.Manifest.Decoder!.ImageIdOffset + code);
        using var states = new HiddenStates(inter);
        states.CompareDecoder(bundle, [.. Tokenizer(bundle).Encode(Prompts(inter)[0]), .. image], rows: 1, TransformerStates);
        states.AssertNoneIsLeft();
    }
}
