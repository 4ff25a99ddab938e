namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class MinDalleTests
{
    // Gated layers end with a product, before the residual path.
    private static readonly HiddenState[] EncoderStates =
    [
        new("enc_embed_ln", "embedding/"),
        new(@"enc_layer(\d+)", "layer_$1/"),
        new(@"enc_layer(\d+)_attn", "layer_$1/self_attn/"),
        new(@"enc_layer(\d+)_glu", "layer_$1/glu/MatMul"),
    ];

    private static readonly HiddenState[] DecoderStates =
    [
        new("dec_embed_ln", "embedding/"),
        new(@"dec_layer(\d+)", "layer_$1/"),
        new(@"dec_layer(\d+)_self_attn", "layer_$1/self_attn/"),
        new(@"dec_layer(\d+)_cross_attn", "layer_$1/encoder_attn/"),
        new(@"dec_layer(\d+)_glu", "layer_$1/glu/MatMul"),
        new("dec_final_ln", "head/final_ln/", HiddenState.LastPosition),
    ];

    private static readonly HiddenState[] ImageStates =
    [
        new("detok_(post_quant)", "$1_conv/"),
        new("detok_(conv_in)", "$1/"),
        new("detok_(mid)", "$1."),
        new(@"detok_up(\d+)", "up.$1."),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders(Family, "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var bundle = Export(Directory.EnumerateFiles(FolderOf(inter), "encoder.pt", SearchOption.AllDirectories).First());
        var (manifest, prompt) = (bundle.Manifest, Prompts(inter).First());
        var (ids, tokens) = (Read(prompt, "text_tokens"), Read(prompt, "image_tokens").Longs());
        using var states = new HiddenStates(inter);
        var context = states.Compare(bundle.PathOf(manifest.TextEncoder!.File), EncoderStates, ids.Longs());
        long[] row = [.. manifest.Decoder!.Start, .. tokens[..^1]];
        var rows = ids.Shape[0];
        states.CompareDecoder(bundle, [.. Enumerable.Repeat(row, rows).SelectMany(all => all)], rows, DecoderStates, [.. context]);
        states.Compare(bundle.PathOf(manifest.ImageDecoder!), ImageStates, tokens);
        states.AssertNoneIsLeft();
    }
}
