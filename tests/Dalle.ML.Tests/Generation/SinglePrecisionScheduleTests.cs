using Dalle.ML.Bundles;
using Dalle.ML.Generation.Diffusion.Schedulers;

namespace Dalle.ML.Tests.Generation;

/// <summary>
/// The factors of UnCLIPScheduler of diffusers, which computes them in single precision: α is 1 − β, and of the first step, of whose x_t
/// almost nothing is left, no digits are. Expected values by its formulas in PyTorch.
/// </summary>
public sealed class SinglePrecisionScheduleTests
{
    private const float Tolerance = 1e-6f;

    [Theory]
    [InlineData(1000, 25, 24, 0.06540817f, 0.00076873746f)]
    [InlineData(1000, 25, 23, 0.09623587f, 0.50078094f)]
    [InlineData(1000, 25, 0, 0.99947232f, 0f)]
    [InlineData(600, 5, 4, 0.37983167f, 0.00020891795f)]
    [InlineData(600, 5, 3, 0.57851148f, 0.32219088f)]
    [InlineData(600, 5, 0, 0.99970722f, 0f)]
    public void Factors_are_those_of_diffusers(int timesteps, int steps, int index, float sample, float current)
    {
        var schedule = new NoiseSchedule { Betas = Betas.Cosine, Timesteps = timesteps, IsSingle = true };
        var process = DiffusionProcess.Of(schedule).Respace(Respacing.Spread(timesteps, steps, multiplies: true));
        Assert.Equal(sample, (float)process.SampleWeight(index), Tolerance);
        Assert.Equal(current, (float)process.CurrentWeight(index), Tolerance);
    }
}
