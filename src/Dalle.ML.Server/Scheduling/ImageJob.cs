using System.Diagnostics;

namespace Dalle.ML.Server.Scheduling;

/// <summary>
/// One image of a request on its way through the queue. An image of many candidates is generated in slices of some candidates each, so that
/// others get their turn in between; the best of all slices is what one call of the library would return.
/// </summary>
internal sealed class ImageJob : IDisposable
{
    private readonly ImageRun _run;
    private readonly int _index;
    private readonly int _candidates;
    private readonly GenerationOptions _options;
    private readonly int _maxSlice;
    private readonly Queue<double> _previewParts;
    private readonly BestImages _best = new(count: 1);
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _generated;

    /// <param name="run">The request that the image belongs to.</param>
    /// <param name="index">Number of the image in it, from 0.</param>
    /// <param name="request">Prompt and seed.</param>
    /// <param name="options">How it is generated, with the number of its candidates.</param>
    /// <param name="previewParts">Parts of the work, 0 to 1, after each of which a preview is made, ascending.</param>
    /// <param name="maxSlice">Number of candidates to generate at once.</param>
    public ImageJob(ImageRun run, int index, GenerationRequest request, GenerationOptions options, IEnumerable<double> previewParts, int maxSlice)
    {
        (_run, _index, Request, _candidates, _options) = (run, index, request, options.Candidates!.Value, options);
        (_previewParts, _maxSlice) = (new Queue<double>(previewParts), maxSlice);
    }

    public GenerationRequest Request { get; }

    public string Client => _run.Client;

    /// <summary>Time since the request.</summary>
    public TimeSpan Age => Stopwatch.GetElapsedTime(_start);

    /// <summary>Whether its client wants no image any more.</summary>
    public bool IsAbandoned => _run.Abandoned.IsCancellationRequested;

    public CancellationToken Abandoned => _run.Abandoned;

    /// <summary>The trace that its request belongs to.</summary>
    public ActivityContext Context => _run.Context;

    /// <summary>Whether it waits for previews. The library reports the first image of a batch, so such a job leads one.</summary>
    public bool HasPreviews => _previewParts.Count > 0;

    /// <summary>The options of its next slice. Slices with equal options can be generated together.</summary>
    public GenerationOptions Slice => _options with { FirstCandidate = _generated, Candidates = Math.Min(_candidates - _generated, _maxSlice) };

    /// <summary>Reports a preview if one is due.</summary>
    public void Report(GenerationProgress progress)
    {
        if (progress is not { Image: 0, Candidate: 0 } || !_previewParts.TryPeek(out var due) || PartOf(progress) is not { } part || part < due)
            return;
        while (_previewParts.TryPeek(out due) && part >= due)
            _previewParts.Dequeue();
        _run.Write(new ImageEvent(_index) { Tokens = progress.Tokens.ToArray(), Preview = progress.CreatePreview() });
    }

    /// <summary>The part of an image that is done, of what can be seen; null while nothing can: DALL·E 2's prior shows no image.</summary>
    private static double? PartOf(GenerationProgress progress) =>
        progress.Stages == 1 ? progress.Step / (double)progress.Steps
        : progress.Stage == 0 ? null
        : (progress.Stage - 1 + progress.Step / (double)progress.Steps) / (progress.Stages - 1);

    /// <summary>Takes the best image of the slice.</summary>
    /// <returns>Whether all slices are done.</returns>
    public bool Add(GeneratedImage image)
    {
        _generated += Slice.Candidates!.Value;
        _best.Add(image);
        if (_generated < _candidates)
            return false;
        _run.Write(new ImageEvent(_index) { Image = _best.TakeAll()[0] });
        return true;
    }

    public void Fail(Exception exception)
    {
        Dispose();
        _run.Fail(exception);
    }

    public void Dispose() => _best.Dispose();
}
