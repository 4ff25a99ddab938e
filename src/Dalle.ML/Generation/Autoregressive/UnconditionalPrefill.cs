using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>The prefill without a prompt, which is mostly the same for every image of a model: the last one is kept. Thread-safe.</summary>
internal sealed class UnconditionalPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    private readonly Lock _lock = new();
    private PromptPrefill? _prefix;

    /// <summary>Starts the second half of a batch, the twins of the sequences in the first.</summary>
    public void CopyTo(LogitsDecodeBatch batch, Sequence[] wave)
    {
        lock (_lock)
        {
            _prefix ??= new PromptPrefill(decoder, textEncoder);
            for (var row = 0; row < wave.Length; row++)
                _prefix.CopyTo(batch, wave.Length + row, wave[row].Unconditional);
        }
    }

    public void Dispose() => _prefix?.Dispose();
}
