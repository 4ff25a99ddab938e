using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// Samples image tokens from logits on the host: the prompts are run together, each once, and its key-value cache copied to every sequence; with
/// guidance each sequence has a twin without the prompt.
/// </summary>
internal sealed class HostSampler(
    DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image, SamplingParameters parameters, UnconditionalPrefill unconditional) : IImageTokenSampler
{
    private readonly PromptPrefill _prompt = new(decoder, textEncoder);
    private readonly Sampler _sampler = new(image.CodebookSize, parameters.Temperature, parameters.TopK, parameters.TopP);

    public int[]?[] Sample(Sequence[] batch, Action<int, ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        var tokens = new int[]?[batch.Length];
        // Each row's sequence; with guidance as many twins follow.
        var sequences = Wanted(batch, Enumerable.Range(0, batch.Length));
        if (sequences.Length == 0)
            return tokens;
        foreach (var sequence in sequences)
            tokens[sequence] = new int[image.Tokens];
        var lease = Rent(sequences.Length);
        try
        {
            Start(lease.Batch, [.. sequences.Select(sequence => batch[sequence])], cancellationToken);
            for (var step = 0; ; step++)
            {
                var rows = lease.Batch;
                for (var row = 0; row < sequences.Length; row++)
                {
                    var sequence = batch[sequences[row]];
                    tokens[sequences[row]]![step] = sequence.KnownToken(step) is >= 0 and var known ? known : Sample(rows, row, sequence.Uniform(step));
                }
                report(sequences[0], tokens[sequences[0]].AsMemory(0, step + 1));
                if (step == image.Tokens - 1)
                    return tokens;

                cancellationToken.ThrowIfCancellationRequested();
                if (IsAnyCancelled(batch, sequences))
                {
                    var wanted = Wanted(batch, sequences);
                    foreach (var cancelled in sequences.Except(wanted))
                        tokens[cancelled] = null;
                    if (wanted.Length == 0)
                        return tokens;
                    lease = Keep(lease, [.. wanted.Select(sequence => Array.IndexOf(sequences, sequence))]);
                    (sequences, rows) = (wanted, lease.Batch);
                }
                for (var row = 0; row < rows.Rows; row++)
                    rows.Ids[row] = decoder.Graph.ImageIdOffset + tokens[sequences[row % sequences.Length]]![step];
                rows.Decode();
            }
        }
        finally
        {
            lease.Dispose();
        }
    }

    public void Dispose() => _prompt.Dispose();

    private static bool IsAnyCancelled(Sequence[] batch, int[] sequences)
    {
        // At every token: it allocates nothing.
        foreach (var sequence in sequences)
        {
            if (batch[sequence].CancellationToken.IsCancellationRequested)
                return true;
        }
        return false;
    }

    /// <summary>The sequences that are not cancelled.</summary>
    private static int[] Wanted(Sequence[] batch, IEnumerable<int> sequences) =>
        [.. sequences.Where(sequence => !batch[sequence].CancellationToken.IsCancellationRequested)];

    private DecoderSession.BatchLease Rent(int sequences) => decoder.Rent(parameters.IsGuided ? 2 * sequences : sequences);

    /// <summary>Starts the rows after their prompts, and their twins without one.</summary>
    private void Start(LogitsDecodeBatch rows, Sequence[] sequences, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _prompt.CopyTo(rows, 0, Array.ConvertAll(sequences, sequence => sequence.Prompt), cancellationToken);
        if (parameters.IsGuided)
            unconditional.CopyTo(rows, sequences, cancellationToken);
    }

    /// <summary>Moves some rows, and their twins, to a smaller batch, and gives the larger one back.</summary>
    private DecoderSession.BatchLease Keep(DecoderSession.BatchLease lease, int[] rows)
    {
        var smaller = Rent(rows.Length);
        var halves = parameters.IsGuided ? 2 : 1;
        for (var row = 0; row < halves * rows.Length; row++)
        {
            var half = row / rows.Length;
            smaller.Batch.CopyRow(lease.Batch, from: half * (lease.Batch.Rows / halves) + rows[row % rows.Length], to: row);
        }
        lease.Dispose();
        return smaller;
    }

    private int Sample(LogitsDecodeBatch rows, int row, double uniform)
    {
        var logits = rows.LogitsOf(row);
        if (parameters.IsGuided)
            Sampler.ApplyGuidance(logits, rows.LogitsOf(rows.Rows / 2 + row), parameters.Guidance);
        return _sampler.Sample(logits, uniform);
    }
}
