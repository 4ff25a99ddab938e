namespace Dalle.ML.Export.Tests.Golden;

/// <summary>
/// Every call of a network and every step of a sampler that lucidrains/DALLE2-pytorch recorded, of all generations: DDPM, DDIM, with a
/// learned variance, thresholding, self-conditioning, cascades, masks.
/// </summary>
[Trait("Category", "Golden")]
public sealed class Dalle2PytorchStepTests
{
    public static IEnumerable<TheoryDataRow<string>> Chains() =>
        GoldenFolder.Files("dalle2-pytorch", ["times.npy", .. Enumerable.Range(1, 9).Select(unet => $"unet{unet}_times.npy")]);

    [Theory]
    [MemberData(nameof(Chains))]
    public void Calls_are_predicted_as_recorded(string times)
    {
        using var chain = new Dalle2Chain(Path.Combine(GoldenFolder.Root, times));
        chain.CompareCalls();
    }

    [Theory]
    [MemberData(nameof(Chains))]
    public void Steps_lead_to_the_recorded_x_and_result(string times)
    {
        using var chain = new Dalle2Chain(Path.Combine(GoldenFolder.Root, times));
        chain.CompareLowResolution();
        chain.CompareSteps();
    }
}
