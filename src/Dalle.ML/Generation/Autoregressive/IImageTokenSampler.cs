namespace Dalle.ML.Generation.Autoregressive;

/// <summary>Samples the image tokens of sequences, a batch at a time. Not thread-safe.</summary>
internal interface IImageTokenSampler : IDisposable
{
    /// <summary>Samples all image tokens of sequences that are decoded together.</summary>
    /// <param name="batch">The sequences.</param>
    /// <param name="report">Called with the tokens of the first of them.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    int[][] Sample(Sequence[] batch, Action<ReadOnlyMemory<int>> report, CancellationToken cancellationToken);
}
