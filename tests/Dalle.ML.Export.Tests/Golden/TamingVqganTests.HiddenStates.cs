using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class TamingVqganTests
{
    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders("taming-vqgan", "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var bundle = Bundle.Open(Export(Other(inter, "model.ckpt")));
        using var states = new HiddenStates(inter);
        states.Compare(bundle.PathOf(bundle.Manifest.ImageDecoder!), VqganStates.Decoder, Read(inter, "decode_codes").Longs());
        states.AssertNoneIsLeft();
    }
}
