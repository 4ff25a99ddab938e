namespace Dalle.ML.Cli;

/// <summary>Chooses among candidates as re-ranking with fewer of them would have: of each prompt the best of the first N.</summary>
internal static class CandidateSets
{
    /// <summary>The best of the first candidates of each prompt and seed, in the order of the list.</summary>
    /// <exception cref="UsageException">The list does not tell candidates or scores, or lacks some of the candidates.</exception>
    public static IReadOnlyList<ListedImage> BestOf(IReadOnlyList<ListedImage> images, int count)
    {
        if (images.FirstOrDefault(image => image.Candidate is null || image.Prompt is null) is { } other)
            throw new UsageException($"--best-of needs the candidates of each prompt, and '{other.Path}' is not listed as one. {Remedy(count)}");
        // A prompt that is asked for twice has each of its candidates twice.
        var requests = images.GroupBy(image => (image.Prompt, image.Seed))
            .SelectMany(same => same.GroupBy(image => image.Candidate)
                .SelectMany(copies => copies.Select((image, copy) => (image, copy))).GroupBy(each => each.copy, each => each.image));
        return [.. requests.Select(Best)];

        ListedImage Best(IEnumerable<ListedImage> candidates)
        {
            var first = candidates.Where(image => image.Candidate < count).OrderBy(image => image.Candidate).ToArray();
            if (first.Length < count)
                throw new UsageException($"--best-of {count}: of '{candidates.First().Prompt}' there are {first.Length} of the first {count} candidates. {Remedy(count)}");
            return first.FirstOrDefault(image => image.Score is null) is { } unscored
                ? throw new UsageException($"--best-of needs scores, and '{unscored.Path}' has none: its model has no CLIP.")
                : first.MaxBy(image => image.Score)!;
        }
    }

    private static string Remedy(int count) => $"Make them with: dalle generate --prompts prompts.txt --candidates {count} --best {count} --json -o out > images.jsonl";
}
