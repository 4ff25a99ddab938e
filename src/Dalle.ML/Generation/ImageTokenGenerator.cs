using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation;

/// <summary>
/// The autoregressive loop of DALL·E (Ramesh et al. 2021): each image token is drawn from the transformer's distribution given the text
/// and the tokens before it. Thread-safe.
/// </summary>
/// <remarks>
/// A prompt is run once, and its key-value cache copied to every candidate; with guidance each candidate has a twin without the prompt.
/// Sequences are drawn in waves, so that memory does not grow with their number. A sequence's draws depend on its own seed alone, so that
/// the same image comes out of any wave.
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
    private Prefix? _unconditional;

    /// <summary>Draws the image tokens of each sequence, a wave as soon as somebody asks for its first.</summary>
    /// <param name="sequences">Prompts and seeds; equal prompts next to each other share their prefill.</param>
    /// <param name="sampler">The filters.</param>
    /// <param name="guidance">Scale of classifier-free guidance; 1 is none.</param>
    /// <param name="report">Called after each step with the sequences that it concerned and the tokens that the first of them has.</param>
    /// <param name="cancellation">Checked at every token.</param>
    public IEnumerable<int[]> Generate(
        IEnumerable<Sequence> sequences, Sampler sampler, float guidance,
        Action<Range, ReadOnlyMemory<int>> report, CancellationToken cancellation)
    {
        var rowsEach = guidance == 1 ? 1 : 2;
        var largest = Math.Max(1, (int)Math.Min(MaxRows, MaxCacheBytes / decoder.Graph.Cache.BytesPerRow) / rowsEach);
        using var prompt = new Prefix(decoder, textEncoder);
        var start = 0;
        foreach (var wave in sequences.Chunk(largest))
        {
            var inFlight = start..(start + wave.Length);
            foreach (var tokens in GenerateWave(wave, prompt, sampler, guidance, drawn => report(inFlight, drawn), cancellation))
                yield return tokens;
            start += wave.Length;
        }
    }

    public void Dispose() => _unconditional?.Dispose();

    private int[][] GenerateWave(
        Sequence[] wave, Prefix prompt, Sampler sampler, float guidance, Action<ReadOnlyMemory<int>> report, CancellationToken cancellation)
    {
        var (count, isGuided) = (wave.Length, guidance != 1);
        var tokens = wave.Select(_ => new int[image.Tokens]).ToArray();
        var batch = decoder.Rent(isGuided ? 2 * count : count);
        try
        {
            for (var row = 0; row < count; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                prompt.CopyTo(batch, row, wave[row].Prompt);
            }
            if (isGuided)
                CopyUnconditional(batch, wave);

            for (var step = 0; ; step++)
            {
                for (var row = 0; row < count; row++)
                {
                    if (wave[row].Kept is { } kept && kept[step] >= 0)
                    {
                        tokens[row][step] = kept[step];
                        continue;
                    }
                    var logits = batch.LogitsOf(row);
                    if (isGuided)
                        Sampler.Guide(logits, batch.LogitsOf(count + row), guidance);
                    tokens[row][step] = sampler.Sample(logits, Philox.Uniform(wave[row].Seed, (uint)step));
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

    /// <summary>The prefill without a prompt is mostly the same for every image of the model: the last one is kept.</summary>
    private void CopyUnconditional(DecoderBatch batch, Sequence[] wave)
    {
        lock (_unconditionalLock)
        {
            _unconditional ??= new Prefix(decoder, textEncoder);
            for (var row = 0; row < wave.Length; row++)
                _unconditional.CopyTo(batch, wave.Length + row, wave[row].Unconditional);
        }
    }
}

/// <summary>
/// One image to draw: the ids of its prompt, those that guidance is measured against, the seed of its draws, and the codes that are given,
/// −1 where there is none.
/// </summary>
internal readonly record struct Sequence(long[] Prompt, long[] Unconditional, ulong Seed, IReadOnlyList<int>? Kept);
