using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>A prompt that was run through the transformer, where sequences start: it is run once as long as it stays the same.</summary>
internal sealed class PromptPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    private readonly LogitsDecodeBatch _batch = decoder.Rent(rows: 1);
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
        batch.CopyRow(_batch, row);
    }

    public void Dispose() => decoder.Return(_batch);

    /// <summary>Runs a prompt: through the decoder, or through the text encoder to the decoder's first id.</summary>
    private void Run(long[] prompt)
    {
        if (textEncoder is null)
        {
            _batch.Prefill(prompt);
            return;
        }
        textEncoder.Run(prompt, _batch.Rows, _batch.Context);
        _batch.Prefill([.. decoder.Graph.Start]);
    }
}
