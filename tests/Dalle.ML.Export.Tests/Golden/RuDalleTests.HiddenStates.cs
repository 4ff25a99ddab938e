namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class RuDalleTests
{
    // Attention ends where its result is clamped, before the norm and the residual path.
    private static readonly HiddenState[] TransformerStates =
    [
        new(@"layer(\d+)", "layer_$1/"),
        new(@"layer(\d+)_attn", "layer_$1/attention/Clip"),
        new("final_layernorm", "head/transformer.final_layernorm/", HiddenState.LastPosition),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders(Family, "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        using var states = new HiddenStates(inter);
        if (File.Exists(Path.Combine(FolderOf(inter), VqganFiles[0])))
            CompareImages(states, inter);
        else
            CompareTransformer(states, inter);
        states.AssertNoneIsLeft();
    }

    private void CompareTransformer(HiddenStates states, string inter)
    {
        var bundle = Export(Path.Combine(FolderOf(inter), "pytorch_model.bin"));
        var (ids, text) = (Read(inter, "forward_input_ids"), bundle.Manifest.Text!);
        var row = ids.Longs()[..ids.Shape[1]];
        var codes = row[text.Length..].Select(code => bundle.Manifest.Decoder!.ImageIdOffset + code);
        // Where something comes before the text, the reference leaves the last out.
        states.CompareDecoder(bundle, [.. Prompt(text, row[..text.Length]).Concat(codes).Take(row.Length)], rows: 1, TransformerStates);
    }

    private void CompareImages(HiddenStates states, string inter)
    {
        var (vqgan, codes) = (Path.Combine(FolderOf(inter), VqganFiles[0]), Read(inter, "decode_codes"));
        var bundle = Export(Transformer(Config(inter).GetProperty("n_embed").GetInt32(), (int)Math.Sqrt(codes.Shape[1])), vqgan);
        var table = bundle.Manifest.Image!.EncodedWidth is null ? VqganStates.Decoder : VqganStates.WaveletDecoder;
        states.Compare(bundle.PathOf(bundle.Manifest.ImageDecoder!), table, codes.Longs());
    }
}
