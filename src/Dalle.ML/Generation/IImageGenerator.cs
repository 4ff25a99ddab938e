namespace Dalle.ML.Generation;

/// <summary>
/// Generates images from requests: the interface between the engine and a kind of model, the autoregressive transformer of DALL·E or the
/// diffusion stages of DALL·E 2. Thread-safe.
/// </summary>
internal interface IImageGenerator : IDisposable
{
    /// <summary>
    /// Generates the candidates of each request, in the order of the requests and of their numbers, in groups of those that are finished together. A
    /// group is generated when it is requested; a candidate is a function of model, prompt, candidate seed and sampling alone.
    /// </summary>
    /// <param name="requests">Prompts and seeds.</param>
    /// <param name="candidates">Numbers of the candidates of each request.</param>
    /// <param name="options">How they are sampled; its numbers of candidates are not read.</param>
    /// <param name="progress">Receives a report at each step.</param>
    /// <param name="cancellationToken">Checked at each step.</param>
    IEnumerable<IEnumerable<Candidate>> Generate(
        IReadOnlyList<GenerationRequest> requests, Range candidates, GenerationOptions options, IProgress<GenerationProgress>? progress,
        CancellationToken cancellationToken);
}
