using System.Text.Json;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;

namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// The networks of DALLE2-pytorch, of every generation and variant, against what its own code made of the same weights.
/// </summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchTests
{
    public static IEnumerable<TheoryDataRow<string>> Networks() => GoldenFolder.Files("dalle2-pytorch", "forward.npy");

    [Theory]
    [MemberData(nameof(Networks))]
    public void Networks_give_the_reference_predictions(string forward)
    {
        var stage = Dalle2Chain.StageOf(Path.GetFileName(Folder(forward)));
        using var network = new GoldenNetwork(Folder(forward), stage);
        var call = network.Call();
        Compare(network, "forward", call);
        Compare(network, "forward_null", call, conditional: false);
        Compare(network, "forward_self_cond", call with { SelfCondition = network.Data.Read("self_cond")?.Floats() });
        Compare(network, "forward_no_encodings", call with { HidesText = true });
        CompareGuided(network, "forward_guided");
        if (network.Prior is { } prior)
            Assert.Equal(prior.HeedsGuidance, !network.Predict(call, conditional: true).AsSpan().SequenceEqual(network.Predict(call, conditional: false)));
        network.CompareHiddenStates();
        if (!Has(network, "forward_online"))
            return;
        using var online = new GoldenNetwork(Folder(forward), stage, averaged: false);
        Compare(online, "forward_online", call);
    }

    [Theory]
    [InlineData("prior_laion_v1.0.2_depth12", "decoder_laion_v1.0.2", true)]
    [InlineData("prior_laion_v0.15.4_depth24", "decoder_laion_v0.15.4", false)]
    [InlineData("prior_example_v1.15.6", "decoder_example_v1.15.6", false)]
    public void Published_geometries_are_read_from_shapes(string prior, string decoder, bool isRandomSize)
    {
        const int SequenceLength = 77;
        using var priorShapes = Shapes($"fullsize_{prior}.json").Subtree("net.");
        using var unetShapes = Shapes($"fullsize_{decoder}.json").Subtree("unets.0.");
        var priorNetwork = Dalle2Prior.Infer(priorShapes, Dalle2Generation.OfPrior(priorShapes), SequenceLength, seesText: true, selfConditions: false);
        var unet = Dalle2Unet.Infer(unetShapes, Dalle2Generation.OfUnet(unetShapes), new UnetOptions());
        Assert.Equal((priorNetwork.Generation, priorNetwork.Dim), (unet.Generation, unet.Embedding));
        if (isRandomSize)
        {
            var size = Dalle2Sizes.All["laion"];
            Assert.Equal(size.Prior, priorNetwork);
            Assert.Equivalent(size.Unets[0], unet, strict: true);
        }
    }

    private static ShapesCheckpoint Shapes(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.Of("dalle2-pytorch"), file)));
        return new ShapesCheckpoint(json.RootElement.GetProperty("tensors").EnumerateArray().ToDictionary(
            tensor => tensor.GetProperty("name").GetString()!,
            tensor => tensor.GetProperty("shape").EnumerateArray().Select(size => size.GetInt32()).ToArray()));
    }

    private static string Folder(string forward) => Path.GetDirectoryName(Path.Combine(GoldenFolder.Root, forward))!;

    private static void Compare(GoldenNetwork network, string name, GoldenCall call, bool conditional = true)
    {
        if (Has(network, name))
            Near.Values(network.Data.Read(name)!.Floats(), network.Predict(call, conditional), name);
    }

    private static void CompareGuided(GoldenNetwork network, string name)
    {
        if (!Has(network, name))
            return;
        var (file, call) = (Path.GetRelativePath(GoldenFolder.Root, Path.Combine(network.Data.Folder, name + ".npy")), network.Call());
        var scale = GoldenReadme.Number(file, "cond_scale");
        var (with, without) = (network.Predict(call, conditional: true), network.Predict(call, conditional: false));
        Near.Values(network.Data.Read(name)!.Floats(), [.. with.Zip(without, (c, u) => u + scale * (c - u))], name);
    }

    private static bool Has(GoldenNetwork network, string name) => File.Exists(Path.Combine(network.Data.Folder, name + ".npy"));
}
