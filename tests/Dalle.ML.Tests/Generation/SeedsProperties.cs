using Dalle.ML.Generation;
using FsCheck;
using FsCheck.Fluent;

namespace Dalle.ML.Tests.Generation;

public sealed class SeedsProperties
{
    private static readonly Gen<ulong> AnySeed =
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        from high in Gen.Frequency((1, Gen.Constant(0)), (1, Gen.Choose(int.MinValue, int.MaxValue)))
        select (uint)low | (ulong)(uint)high << 32;

    public static IEnumerable<TheoryDataRow<int>> Runs => Property.Runs;

    [Theory]
    [MemberData(nameof(Runs))]
    public void Seeds_that_follow_from_one_all_differ_and_the_first_is_the_seed_itself(int runs) => Property.Holds(AnySeed, runs, seed =>
    {
        ulong[] images = [.. Enumerable.Range(0, 50).Select(image => Seeds.OfImage(seed, image))];
        ulong[] candidates = [.. Enumerable.Range(0, 50).Select(candidate => Seeds.OfCandidate(seed, candidate))];
        Assert.Equal((seed, seed), (images[0], candidates[0]));
        Assert.All(images.Skip(1).Concat(candidates.Skip(1)), derived => Assert.Equal(derived, (ulong)(double)derived));
        Assert.All(images.Skip(1).Concat(candidates.Skip(1)), derived => Assert.InRange(derived, 0ul, (1ul << 53) - 1));
        Assert.Equal(99, images.Concat(candidates).Distinct().Count());
        Assert.Equal(images, GenerationRequest.Series("a cat", seed, 50).Select(request => request.Seed));
    });
}
