using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Generates the candidates of each request and keeps the best. An interrupt keeps the best of those that are finished.</summary>
/// <param name="model">The model.</param>
/// <param name="options">Generation options with the number of candidates.</param>
/// <param name="best">How many are kept, with their ranks; the very best alone if null.</param>
/// <param name="cancellationToken">Interrupts.</param>
internal sealed class BestOfCandidates(DalleModel model, GenerationOptions options, int? best, CancellationToken cancellationToken)
{
    private readonly int _end = options.FirstCandidate + options.Candidates!.Value;

    /// <summary>Tells, after an interruption, how many candidates the choice was made from and how to generate the rest.</summary>
    public string? Interruption { get; private set; }

    /// <exception cref="OperationCanceledException">The generation was interrupted; all that was found is returned before.</exception>
    public IEnumerable<OutputImage> Generate(IReadOnlyList<GenerationRequest> requests, IProgress<GenerationProgress> progress)
    {
        using var found = new BestImages(best ?? 1, options.RankBy);
        using var candidates = model.GenerateCandidates(requests, options, progress, cancellationToken).GetEnumerator();
        foreach (var request in requests)
        {
            for (var next = options.FirstCandidate; next < _end && MoveNext(candidates, request, next); next++)
                found.Add(candidates.Current);
            foreach (var (index, image) in found.TakeAll().Index())
                yield return new OutputImage(image, Rank: best is null ? null : index + 1);
            if (Interruption is not null)
                cancellationToken.ThrowIfCancellationRequested();
        }
    }

    private bool MoveNext(IEnumerator<GeneratedImage> candidates, GenerationRequest request, int next)
    {
        try
        {
            return candidates.MoveNext();
        }
        catch (OperationCanceledException) when (next > options.FirstCandidate)
        {
            Interruption = string.Create(CultureInfo.InvariantCulture, $"of '{request.Prompt}' {(best is null ? "this is" : "these are")} the best of candidates {options.FirstCandidate} to {next - 1}; --seed {request.Seed} --first-candidate {next} --candidates {_end - next} generates the rest.");
            return false;
        }
    }
}
