namespace Dalle.ML.Tests.Generation;

public sealed class AllocationTests
{
    [Theory]
    [InlineData(1, 1f, 0, 1f)]
    [InlineData(4, 1.5f, 256, 0.95f)]
    public void A_token_allocates_nothing(int candidates, float guidance, int topK, float topP)
    {
        using var model = DalleModel.LoadDefault();
        var sampling = new SamplingOptions { Temperature = 1, GuidanceScale = guidance, TopK = topK, TopP = topP };
        Assert.All(AllocationMeter.Measure(model, new GenerationOptions { Candidates = candidates, Sampling = sampling }), bytes => Assert.Equal(0, bytes));
    }
}
