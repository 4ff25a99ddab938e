namespace Dalle.ML;

/// <content>What the transformer makes of text alone.</content>
public sealed partial class DalleModel
{
    /// <summary>Completes a text, as captions of the model's training images go on.</summary>
    /// <param name="prompt">The beginning of the text; empty for a text from nothing, which some models make.</param>
    /// <param name="seed">The same seed gives the same text.</param>
    /// <param name="options">How text tokens are sampled, without guidance; the model's defaults if null.</param>
    /// <param name="progress">Receives the part that is done, 0 to 1, at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="ArgumentException">The text is empty, and the model needs a beginning.</exception>
    /// <exception cref="NotSupportedException">The bundle does not complete text, or an option is not for text.</exception>
    /// <exception cref="OperationCanceledException">The completion was cancelled.</exception>
    public CompletedText CompleteText(
        string prompt, ulong seed, SamplingOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default) =>
        CompleteTexts([new TextCompletionRequest(prompt, seed)], options, progress, cancellationToken).Single();

    /// <summary>
    /// Completes several texts at once, which is faster than one by one. They are returned in the order of the requests, each the same as if it were
    /// completed alone; those returned before an error or cancellation stay valid.
    /// </summary>
    /// <param name="requests">The texts' beginnings and seeds.</param>
    /// <param name="options">How text tokens are sampled, without guidance; the model's defaults if null.</param>
    /// <param name="progress">Receives the part that is done, 0 to 1, at each token.</param>
    /// <param name="cancellationToken">Checked at each token.</param>
    /// <exception cref="ArgumentException">A text is null, or it is empty and the model needs a beginning.</exception>
    /// <exception cref="NotSupportedException">The bundle does not complete text, or an option is not for text.</exception>
    /// <exception cref="OperationCanceledException">The completion was cancelled.</exception>
    public IEnumerable<CompletedText> CompleteTexts(
        IReadOnlyList<TextCompletionRequest> requests, SamplingOptions? options = null, IProgress<double>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(requests);
        if (requests.Any(request => request.Prompt is null))
            throw new ArgumentException("A prompt is null.", nameof(requests));
        return During(engine => engine.Text.Complete(requests, options ?? new SamplingOptions(), progress, cancellationToken));
    }

    /// <summary>
    /// The natural logarithms of the probabilities that the transformer gives to the text tokens of a prompt: to each given those before it, padding
    /// included. The mean of their negatives is the loss in nats per text token.
    /// </summary>
    /// <param name="prompt">The prompt, which is cut or padded to the model's length.</param>
    /// <param name="cancellationToken">Checked before the computation.</param>
    /// <returns>
    /// A value for each text token that another one comes before: <see cref="DalleModelInfo.TextLength"/> where an id begins the model's stream, one less
    /// where the text itself does. They are computed on the CPU, whatever the model's device.
    /// </returns>
    /// <exception cref="NotSupportedException">The bundle has no logits of the text.</exception>
    /// <exception cref="OperationCanceledException">The computation was cancelled.</exception>
    public IReadOnlyList<double> TextLogProbabilities(string prompt, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        using var use = Acquire();
        return use.Engine.Text.LogProbabilities(prompt, cancellationToken);
    }
}
