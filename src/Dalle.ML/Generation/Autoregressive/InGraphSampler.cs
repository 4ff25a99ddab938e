using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// Lets the transformer's own graph sample (<see cref="SamplingGraph"/>), and reads the tokens from time to time. The prompt is run for all rows:
/// on a GPU that costs less than copying would save.
/// </summary>
internal sealed class InGraphSampler(DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image, SamplingParameters parameters) : IImageTokenSampler
{
    private const int StepsBetweenReads = 16;

    public int[]?[] Sample(Sequence[] sequences, Action<int, ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var tokens = new int[]?[sequences.Length];
        // Rows cannot leave a device's batch: it ends when nobody wants any of them.
        if (Array.TrueForAll(sequences, IsCancelled))
            return tokens;
        var places = Enumerable.Range(0, image.Tokens).SelectMany(_ => sequences, (step, sequence) => (step, sequence)).ToArray();
        var uniforms = places.Select(place => place.sequence.Uniform(place.step)).ToArray();
        var known = places.Select(place => (long)place.sequence.KnownToken(place.step)).ToArray();
        using var queue = decoder.Queue.EnterScope();
        using var batch = decoder.NewSampledBatch(parameters, uniforms, known, sequences.Length);
        Prefill(batch, sequences);
        for (var step = 0; ; step++)
        {
            var reads = step % StepsBetweenReads == 0 || step == image.Tokens - 1;
            if (step > 0)
                batch.Decode(reads);
            if (reads)
                report(0, TokensOf(batch, sequence: 0).AsMemory(0, step + 1));
            cancellationToken.ThrowIfCancellationRequested();
            if (step == image.Tokens - 1 || Array.TrueForAll(sequences, IsCancelled))
                break;
        }
        for (var sequence = 0; sequence < sequences.Length; sequence++)
            tokens[sequence] = IsCancelled(sequences[sequence]) ? null : TokensOf(batch, sequence);
        return tokens;
    }

    private static bool IsCancelled(Sequence sequence) => sequence.CancellationToken.IsCancellationRequested;

    public void Dispose()
    {
    }

    private void Prefill(SampledDecodeBatch batch, Sequence[] sequences)
    {
        var prompts = sequences.Select(sequence => sequence.Prompt);
        if (parameters.IsGuided)
            prompts = prompts.Concat(sequences.Select(sequence => sequence.Unconditional));
        long[] ids = [.. prompts.SelectMany(prompt => prompt)];
        if (textEncoder is null)
        {
            batch.Prefill(ids);
            return;
        }
        textEncoder.Run(ids, batch.Rows, batch.Context);
        batch.Prefill([.. Enumerable.Repeat(decoder.Graph.Start, batch.Rows).SelectMany(start => start).Select(id => (long)id)]);
    }

    private int[] TokensOf(SampledDecodeBatch batch, int sequence)
    {
        var (tokens, count) = (new int[image.Tokens], batch.Tokens.Length / image.Tokens);
        for (var step = 0; step < tokens.Length; step++)
            tokens[step] = (int)batch.Tokens[step * count + sequence];
        return tokens;
    }
}
