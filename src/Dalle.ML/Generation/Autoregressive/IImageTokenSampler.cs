namespace Dalle.ML.Generation.Autoregressive;

/// <summary>Draws the tokens of sequences, a wave at a time. For one thread at a time.</summary>
internal interface IImageTokenSampler : IDisposable
{
    /// <summary>Draws the tokens of sequences that are in flight together.</summary>
    /// <param name="wave">The sequences.</param>
    /// <param name="report">Called with the tokens that the first of them has.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    int[][] Draw(Sequence[] wave, Action<ReadOnlyMemory<int>> report, CancellationToken cancellationToken);
}
