using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>The prefill without a prompt, which is usually the same for every image of a model: the last one is kept. Thread-safe.</summary>
internal sealed class UnconditionalPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    private readonly Lock _lock = new();
    private PromptPrefill? _prefill;

    /// <summary>Starts the second half of the rows, the twins of the sequences in the first.</summary>
    public void CopyTo(LogitsDecodeBatch rows, Sequence[] batch)
    {
        lock (_lock)
        {
            _prefill ??= new PromptPrefill(decoder, textEncoder);
            for (var row = 0; row < batch.Length; row++)
                _prefill.CopyTo(rows, batch.Length + row, batch[row].Unconditional);
        }
    }

    public void Dispose() => _prefill?.Dispose();
}
