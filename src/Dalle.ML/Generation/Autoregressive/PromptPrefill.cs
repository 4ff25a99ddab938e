using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// The prefill of prompts, from which sequences start: different prompts run together, some at a time, and each once as long as it is among the last
/// that ran. Not thread-safe.
/// </summary>
internal sealed class PromptPrefill(DecoderSession decoder, TextEncoderSession? textEncoder) : IDisposable
{
    // Short prompts cost half as much together; a call with this number of ids is about as fast as a larger one.
    private const int MaxIds = 256;

    // Memory besides the batch that the prompts are copied to.
    private const long MaxBytes = 64L << 20;

    // In the order of the lease's rows.
    private List<long[]> _prompts = [];
    private DecoderSession.BatchLease? _lease;

    /// <summary>Starts rows of a batch after prompts, which are of equal length.</summary>
    /// <param name="batch">The batch.</param>
    /// <param name="firstRow">Its row for the first prompt; those of the others follow.</param>
    /// <param name="prompts">The ids of each prompt.</param>
    /// <param name="cancellationToken">Checked before prompts are run.</param>
    public void CopyTo(LogitsDecodeBatch batch, int firstRow, IReadOnlyList<long[]> prompts, CancellationToken cancellationToken)
    {
        for (var i = 0; i < prompts.Count; i++)
        {
            if (IndexOf(prompts[i], _prompts) < 0)
                Run(TogetherFrom(i), cancellationToken);
            batch.CopyRow(_lease!.Value.Batch, IndexOf(prompts[i], _prompts), firstRow + i);
        }

        // The different prompts from one on, as many as are worth running at once.
        List<long[]> TogetherFrom(int first)
        {
            var most = Math.Min(MaxIds / Math.Max(1, prompts[first].Length), MaxBytes / decoder.Graph.Cache.BytesPerRow);
            var together = new List<long[]> { prompts[first] };
            for (var i = first + 1; i < prompts.Count && together.Count < most; i++)
            {
                if (IndexOf(prompts[i], together) < 0)
                    together.Add(prompts[i]);
            }
            return together;
        }
    }

    public void Dispose() => _lease?.Dispose();

    private static int IndexOf(long[] prompt, List<long[]> among) => among.FindIndex(other => other.AsSpan().SequenceEqual(prompt));

    /// <summary>Runs prompts: through the decoder, or through the text encoder to the decoder's first id.</summary>
    private void Run(List<long[]> prompts, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        // Known again once they have run: a failure leaves the rows in no state to copy.
        _prompts = [];
        if (_lease?.Batch.Rows != prompts.Count)
        {
            _lease?.Dispose();
            _lease = null;
            _lease = decoder.Rent(prompts.Count, isPrefill: true);
        }
        var batch = _lease.Value.Batch;
        long[] ids = [.. prompts.SelectMany(prompt => prompt)];
        if (textEncoder is null)
        {
            batch.Prefill(ids);
        }
        else
        {
            textEncoder.Run(ids, batch.Rows, batch.Context);
            batch.Prefill([.. Enumerable.Repeat(decoder.Graph.Start, batch.Rows).SelectMany(start => start).Select(id => (long)id)]);
        }
        _prompts = prompts;
    }
}
