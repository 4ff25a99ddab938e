using System.Text.Json;
using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Tests.Golden;

public sealed partial class OpenAiDvaeTests
{
    private static readonly HiddenState[] EncoderStates =
    [
        new("enc_input", "input/"),
        new(@"enc_group_(\d+)", "group_$1."),
        new(@"enc_group_(\d+)_block_(\d+)", "group_$1.block_$2/"),
    ];

    public static IEnumerable<TheoryDataRow<string>> States() => GoldenFolder.Folders("openai-dvae", "inter");

    [Theory]
    [MemberData(nameof(States))]
    public void Hidden_states_are_the_reference_ones(string inter)
    {
        var (pixels, codes) = (Read(inter, "image01"), Read(inter, "codes"));
        var bundle = Bundle.Open(Export(Other(inter, "encoder.pkl"), Other(inter, "decoder.pkl"), codes.Shape));
        var groups = JsonDocument.Parse(File.ReadAllBytes(Other(inter, "config.json"))).RootElement.GetProperty("group_count").GetInt32();
        using var states = new HiddenStates(inter);
        states.Compare(bundle.PathOf(bundle.Manifest.ImageEncoder!), EncoderStates, pixels.Floats()[..(pixels.Floats().Length / pixels.Shape[0])]);
        states.Compare(bundle.PathOf(bundle.Manifest.ImageDecoder!), DecoderStates(groups), codes.Longs()[..(codes.Shape[1] * codes.Shape[2])]);
        states.AssertNoneIsLeft();
    }

    /// <summary>Of the groups each but the last ends with a doubling, which the graph leaves to the next one.</summary>
    private static HiddenState[] DecoderStates(int groups) =>
    [
        new("dec_input", "Reshape"),
        new($"dec_group_({groups})", "group_$1."),
        new(@"dec_group_(\d+)", "group_$1.", Halved),
        new(@"dec_group_(\d+)_block_(\d+)", "group_$1.block_$2/"),
    ];

    /// <summary>What became these planes [1, channels, height, width] by doubling: of every square of four pixels one.</summary>
    private static float[] Halved(Npy planes) =>
        [.. planes.Floats().Where((_, i) => i % planes.Shape[3] % 2 == 0 && i / planes.Shape[3] % 2 == 0)];
}
