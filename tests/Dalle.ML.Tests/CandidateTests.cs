using System.Security.Cryptography;

namespace Dalle.ML.Tests;

/// <summary>Many candidates of one image, which are generated in batches: of 64 rows of the transformer, two a candidate with guidance.</summary>
public sealed class CandidateTests
{
    private static readonly GenerationRequest Request = new("a red apple on a blue background", Seed: 3);

    public static IEnumerable<TheoryDataRow<bool, float, int[]>> Runs =>
    [
        new(false, 2, [0, 1, 6, 40]),
        new(false, 1, [0, 3, 66]),
        new(true, 2, [1000, 1002, 1003]),
        new TheoryDataRow<bool, float, int[]>(true, 2, [0, 1, 6, 40]).WithTrait("Category", "Slow"),
        new TheoryDataRow<bool, float, int[]>(true, 1, [0, 3, 66]).WithTrait("Category", "Slow"),
    ];

    [Theory]
    [MemberData(nameof(Runs))]
    public void Candidates_are_the_same_in_one_run_and_in_several(bool isBuiltIn, float guidance, int[] bounds)
    {
        using var model = isBuiltIn ? DalleModel.LoadDefault() : TinyModel.Load();
        var whole = Generate(bounds[0], bounds[^1]);
        var parts = bounds.Zip(bounds.Skip(1), Generate).SelectMany(part => part);
        Assert.Equal(whole, parts);
        Assert.Equal(Enumerable.Range(bounds[0], whole.Length), whole.Select(candidate => candidate.Number));
        Assert.Equal(whole.Length, whole.DistinctBy(candidate => candidate.Picture).Count());

        (int Number, ulong Seed, float Score, string Picture)[] Generate(int from, int to) => [.. model.GenerateCandidates(
            Request, new() { FirstCandidate = from, Candidates = to - from, Sampling = new() { GuidanceScale = guidance } })
            .Select(image => (image.Candidate, image.CandidateSeed, image.Score, Picture(image)))];
    }

    [Fact]
    public void The_image_is_the_best_of_the_candidates()
    {
        using var model = TinyModel.Load();
        var options = new GenerationOptions { FirstCandidate = 4, Candidates = 5 };
        var candidates = model.GenerateCandidates(Request, options).ToArray();
        using var image = model.Generate(Request.Prompt, Request.Seed, options);
        Assert.Equal([4, 5, 6, 7, 8], candidates.Select(candidate => candidate.Candidate));
        Assert.Equal(Picture(candidates.MaxBy(candidate => candidate.Score)!), Picture(image));

        using var alone = model.Generate(Request.Prompt, candidates[^1].CandidateSeed, new() { Candidates = 1 });
        Assert.Equal((Picture(candidates[^1]), candidates[^1].Score), (Picture(alone), alone.Score));
    }

    [Fact]
    public void A_batch_is_scored_before_the_next_is_generated_and_progress_counts_all()
    {
        using var model = TinyModel.Load();
        var reports = new List<GenerationProgress>();
        var reportsAtImage = new List<int>();
        foreach (var image in model.GenerateCandidates(Request, new() { FirstCandidate = 100, Candidates = 40 }, new Immediate(reports.Add)))
        {
            image.Dispose();
            reportsAtImage.Add(reports.Count);
        }

        var wave = reports.First(report => report.Candidate > 0).Candidate;
        Assert.Equal([.. Enumerable.Repeat(64, wave), .. Enumerable.Repeat(128, 40 - wave)], reportsAtImage);
        Assert.Equal([0, wave], reports.Select(report => report.Candidate).Distinct());
        Assert.All(reports, report => Assert.Equal((0, 1, 40, 64), (report.Image, report.Images, report.Candidates, report.Steps)));
        Assert.Equal(reports.Select(report => report.Fraction).Order(), reports.Select(report => report.Fraction));
        Assert.Equal((wave / 40.0, 1), (reports[63].Fraction, reports[^1].Fraction));
    }

    [Fact]
    public void The_best_of_what_is_finished_are_kept_when_the_rest_is_cancelled()
    {
        using var model = TinyModel.Load();
        using var cancellationToken = new CancellationTokenSource();
        var finished = 0;
        var progress = new Immediate(value =>
        {
            if (value is { Candidate: > 0, Step: 5 })
            {
                finished = value.Candidate;
                cancellationToken.Cancel();
            }
        });

        using var best = new BestImages(count: 3);
        Assert.ThrowsAny<OperationCanceledException>(() =>
        {
            foreach (var candidate in model.GenerateCandidates(Request, new() { Candidates = GenerationOptions.MaxCandidates }, progress, cancellationToken.Token))
                best.Add(candidate);
        });
        var expected = model.GenerateCandidates(Request, new() { Candidates = finished }).OrderByDescending(candidate => candidate.Score).Take(3);
        Assert.Equal(expected.Select(Picture), best.Select(Picture));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(int.MaxValue)]
    public void The_number_of_the_first_candidate_is_checked(int number) =>
        Assert.Equal("FirstCandidate", Assert.Throws<ArgumentOutOfRangeException>(() => new GenerationOptions { FirstCandidate = number }).ParamName);

    private static string Picture(GeneratedImage image)
    {
        var hash = Convert.ToHexString(SHA256.HashData(image.Image.Pixels));
        GC.KeepAlive(image);
        return hash;
    }

    private sealed class Immediate(Action<GenerationProgress> report) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => report(value);
    }
}
