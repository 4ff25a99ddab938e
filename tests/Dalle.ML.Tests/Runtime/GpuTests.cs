namespace Dalle.ML.Tests.Runtime;

/// <summary>What a GPU must do as the CPU does; nothing where there is none.</summary>
[Trait("Category", "Gpu")]
public sealed class GpuTests
{
    [Theory]
    [InlineData(1, 0, 1)]
    [InlineData(2, 256, 0.95)]
    public void A_seed_gives_the_tokens_of_the_CPU(float guidance, int topK, float topP)
    {
        var options = new GenerationOptions { Candidates = 4, Sampling = new() { Temperature = 1, GuidanceScale = guidance, TopK = topK, TopP = topP } };
        Assert.Equal(TokensOn(DalleDevice.Cpu, options), TokensOn(TestGpu.Device(), options));
    }

    [Fact]
    public void A_limit_of_memory_suffices_for_many_candidates()
    {
        using var model = DalleModel.LoadDefault(TestGpu.Device() with { GpuMemoryLimit = 1L << 30 });
        using var best = new BestImages(count: 1);
        foreach (var image in model.GenerateCandidates(new GenerationRequest("a red apple", Seed: 1), new() { Candidates = 300 }))
            best.Add(image);
        Assert.Single(best);
    }

    private static int[][] TokensOn(DalleDevice device, GenerationOptions options)
    {
        using var model = DalleModel.LoadDefault(device);
        return [.. model.GenerateTokens([new GenerationRequest("a red apple", Seed: 7)], options).SelectMany(candidates => candidates)];
    }
}
