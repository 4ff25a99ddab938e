using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>The prefill without a prompt, which is usually the same for every image of a model: the last one is kept. Thread-safe.</summary>
internal sealed class UnconditionalPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly PromptPrefill _prefill = new(decoder, textEncoder);

    /// <summary>Starts the second half of the rows, the twins of the sequences in the first.</summary>
    public void CopyTo(LogitsDecodeBatch rows, Sequence[] batch, CancellationToken cancellationToken)
    {
        lock (_lock)
            _prefill.CopyTo(rows, batch.Length, Array.ConvertAll(batch, sequence => sequence.Unconditional), cancellationToken);
    }

    public void Dispose() => _prefill.Dispose();
}
