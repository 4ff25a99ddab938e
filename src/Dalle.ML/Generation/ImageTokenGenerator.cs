using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation;

/// <summary>
/// The autoregressive loop of DALL·E (Ramesh et al. 2021): each image token is drawn from the transformer's distribution given the text
/// and the tokens before it. Thread-safe.
/// </summary>
/// <remarks>
/// A prompt is run once, and its key-value cache copied to every candidate; with guidance each candidate has a twin without the prompt.
/// A sequence's draws depend on its own seed alone, so that the same image comes out of any batch.
/// </remarks>
/// <param name="decoder">The transformer.</param>
/// <param name="textEncoder">The encoder of the prompt, in families that have one.</param>
/// <param name="image">The grid of tokens to fill.</param>
internal sealed class ImageTokenGenerator(DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image) : IDisposable
{
    // Beyond this a step costs the processor as much a row as a batch of this size, and only memory grows.
    private const int MaxRows = 64;
    private const long MaxCacheBytes = 4L << 30;

    private readonly Lock _unconditionalLock = new();
    private readonly long[] _start = [.. decoder.Graph.Start];
    private (long[] Ids, DecoderBatch Batch)? _unconditional;

    /// <summary>Draws the image tokens of each sequence.</summary>
    /// <param name="sequences">Prompts and seeds; equal prompts next to each other share their prefill.</param>
    /// <param name="sampler">The filters.</param>
    /// <param name="guidance">Scale of classifier-free guidance; 1 is none.</param>
    /// <param name="report">Called after each step with the sequences that it concerned and the tokens that the first of them has.</param>
    /// <param name="cancellation">Checked at every token.</param>
    public IEnumerable<int[]> Generate(
        IReadOnlyList<Sequence> sequences, Sampler sampler, float guidance,
        Action<Range, ReadOnlyMemory<int>> report, CancellationToken cancellation)
    {
        var isGuided = guidance != 1;
        var largest = Math.Max(1, (int)Math.Min(MaxRows, MaxCacheBytes / decoder.Graph.Cache.BytesPerRow) / (isGuided ? 2 : 1));
        for (var start = 0; start < sequences.Count; start += largest)
        {
            var batch = sequences.Skip(start).Take(largest).ToArray();
            var offset = start;
            foreach (var tokens in GenerateBatch(batch, sampler, guidance, isGuided, drawn => report(offset..(offset + batch.Length), drawn), cancellation))
                yield return tokens;
        }
    }

    public void Dispose() => _unconditional?.Batch.Dispose();

    private int[][] GenerateBatch(
        Sequence[] sequences, Sampler sampler, float guidance, bool isGuided,
        Action<ReadOnlyMemory<int>> report, CancellationToken cancellation)
    {
        var count = sequences.Length;
        var tokens = sequences.Select(_ => new int[image.Tokens]).ToArray();
        var batch = decoder.Rent(isGuided ? 2 * count : count);
        try
        {
            Prefill(batch, sequences, cancellation);
            if (isGuided)
                CopyUnconditional(batch, sequences);

            for (var step = 0; ; step++)
            {
                for (var row = 0; row < count; row++)
                {
                    if (sequences[row].Kept is { } kept && kept[step] >= 0)
                    {
                        tokens[row][step] = kept[step];
                        continue;
                    }
                    var logits = batch.LogitsOf(row);
                    if (isGuided)
                        Sampler.Guide(logits, batch.LogitsOf(count + row), guidance);
                    tokens[row][step] = sampler.Sample(logits, Philox.Uniform(sequences[row].Seed, (uint)step));
                }
                report(tokens[0].AsMemory(0, step + 1));
                if (step == image.Tokens - 1)
                    return tokens;

                cancellation.ThrowIfCancellationRequested();
                for (var row = 0; row < batch.Rows; row++)
                    batch.Ids[row] = decoder.Graph.ImageIdOffset + tokens[row % count][step];
                batch.Step();
            }
        }
        finally
        {
            decoder.Return(batch);
        }
    }

    private void Prefill(DecoderBatch batch, Sequence[] sequences, CancellationToken cancellation)
    {
        var prefix = decoder.Rent(rows: 1);
        try
        {
            for (var row = 0; row < sequences.Length; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                if (row == 0 || !sequences[row].Prompt.AsSpan().SequenceEqual(sequences[row - 1].Prompt))
                    Prefill(prefix, sequences[row].Prompt);
                batch.CopyRow(prefix, row);
            }
        }
        finally
        {
            decoder.Return(prefix);
        }
    }

    /// <summary>Runs a prompt: through the decoder, or through the text encoder to the decoder's first id.</summary>
    private void Prefill(DecoderBatch prefix, long[] prompt)
    {
        if (textEncoder is null)
        {
            prefix.Prefill(prompt);
            return;
        }
        using var context = textEncoder.Run(prompt);
        prefix.SetContext(context);
        prefix.Prefill(_start);
    }

    /// <summary>The prefill without a prompt is mostly the same for every image of the model: the last one is kept.</summary>
    private void CopyUnconditional(DecoderBatch batch, Sequence[] sequences)
    {
        lock (_unconditionalLock)
        {
            for (var row = 0; row < sequences.Length; row++)
            {
                var ids = sequences[row].Unconditional;
                if (_unconditional is not { } kept || !kept.Ids.AsSpan().SequenceEqual(ids))
                {
                    var prefix = _unconditional?.Batch ?? decoder.NewBatch(rows: 1);
                    _unconditional = ([], prefix);
                    Prefill(prefix, ids);
                    _unconditional = (ids, prefix);
                }
                batch.CopyRow(_unconditional.Value.Batch, sequences.Length + row);
            }
        }
    }
}

/// <summary>
/// One image to draw: the ids of its prompt, those that guidance is measured against, the seed of its draws, and the codes that are given,
/// −1 where there is none.
/// </summary>
internal readonly record struct Sequence(long[] Prompt, long[] Unconditional, ulong Seed, IReadOnlyList<int>? Kept);
