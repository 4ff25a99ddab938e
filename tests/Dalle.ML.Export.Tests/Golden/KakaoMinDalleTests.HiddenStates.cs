namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class KakaoMinDalleTests
{
    private static readonly HiddenState[] TransformerStates =
    [
        new(@"s2_block(\d+)", "layer_$1/"),
        new(@"s2_block(\d+)_attn", "layer_$1/attention/attn.proj/"),
        new("s2_ln_f", "head/LayerNormalization", HiddenState.LastPosition),
    ];

    private static readonly HiddenState[] EncoderStates =
    [
        new(@"enc_down(\d+)", "down.$1."),
        new("enc_mid_attn", "mid.attn_1/"),
        new("enc_(quant_conv)", "$1/"),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders(Family, "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var golden = FolderOf(inter);
        var bundle = Export(Models().Select(model => model.Data).First(model => Above(model) == golden));
        var (manifest, text, codes) = (bundle.Manifest, Read(golden, "forward_text"), Read(golden, "forward_image_codes"));
        using var states = new HiddenStates(inter);
        var photo = GoldenImages.Read(Path.Combine(golden, "image_u8.npy")).First();
        states.Compare(bundle.PathOf(manifest.ImageEncoder!), EncoderStates, photo.Planes());
        states.Compare(bundle.PathOf(manifest.ImageDecoder!), VqganStates.Decoder, Read(golden, "decode_codes").Longs());
        // Of the first example.
        var image = codes.Longs()[..codes.Shape[1]].Select(code => manifest.Decoder!.ImageIdOffset + code);
        states.CompareDecoder(bundle, [.. text.Longs()[..text.Shape[1]], .. image], rows: 1, TransformerStates);
        states.AssertNoneIsLeft();
    }
}
