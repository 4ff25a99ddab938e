using Dalle.ML.Generation;

namespace Dalle.ML.Tests.Generation;

public sealed class PhiloxTests
{
    /// <summary>Known answers of Random123 1.09 (kat_vectors, philox4x32 10).</summary>
    [Theory]
    [InlineData(0u, 0u, 0u, 0u, 0u, 0u, 0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u)]
    [InlineData(0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu, 0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu)]
    [InlineData(0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u, 0xa4093822u, 0x299f31d0u, 0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u)]
    public void Gives_the_known_answers(uint a, uint b, uint c, uint d, uint k0, uint k1, uint w, uint x, uint y, uint z) =>
        Assert.Equal((w, x, y, z), Philox.Block((a, b, c, d), (k0, k1)));

    [Fact]
    public void Uniforms_fill_the_unit_interval_evenly()
    {
        var counts = new int[10];
        for (uint step = 0; step < 100_000; step++)
            counts[(int)(Philox.Uniform(7, step) * 10)]++;
        Assert.All(counts, count => Assert.InRange(count, 9_700, 10_300));
    }

    [Fact]
    public void Seeds_of_images_and_candidates_do_not_meet()
    {
        var seeds = Enumerable.Range(0, 100).SelectMany(i => new[] { Seeds.OfImage(7, i), Seeds.OfCandidate(7, i) }).ToArray();
        Assert.Equal(7ul, Seeds.OfImage(7, 0));
        Assert.Equal(7ul, Seeds.OfCandidate(7, 0));
        Assert.Equal(199, seeds.Distinct().Count());
    }
}
