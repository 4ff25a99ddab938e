namespace Dalle.ML.Generation.Autoregressive;

/// <summary>Samples the image tokens of sequences, a batch at a time. Not thread-safe.</summary>
internal interface IImageTokenSampler : IDisposable
{
    /// <summary>Samples all image tokens of sequences that are decoded together.</summary>
    /// <param name="batch">The sequences.</param>
    /// <param name="report">Called with the number of the first sequence that is not cancelled, and its tokens.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    /// <returns>The tokens of each sequence; null for one that was cancelled.</returns>
    int[]?[] Sample(Sequence[] batch, Action<int, ReadOnlyMemory<int>> report, CancellationToken cancellationToken);
}
