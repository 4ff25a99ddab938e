using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>The prefill of a prompt, from which sequences start: it runs once as long as the prompt stays the same.</summary>
internal sealed class PromptPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    private readonly DecoderSession.BatchLease _lease = decoder.Rent(rows: 1);
    private long[]? _prompt;

    /// <summary>Starts a row of a batch after a prompt.</summary>
    public void CopyTo(LogitsDecodeBatch batch, int row, long[] prompt)
    {
        if (_prompt is null || !_prompt.AsSpan().SequenceEqual(prompt))
        {
            _prompt = null;
            Run(prompt);
            _prompt = prompt;
        }
        batch.CopyRow(_lease.Batch, from: 0, to: row);
    }

    public void Dispose() => _lease.Dispose();

    /// <summary>Runs a prompt: through the decoder, or through the text encoder to the decoder's first id.</summary>
    private void Run(long[] prompt)
    {
        var batch = _lease.Batch;
        if (textEncoder is null)
        {
            batch.Prefill(prompt);
            return;
        }
        textEncoder.Run(prompt, batch.Rows, batch.Context);
        batch.Prefill([.. decoder.Graph.Start]);
    }
}
