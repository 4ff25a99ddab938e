using System.Numerics.Tensors;
using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// How likely the transformer holds given image tokens to be: each of them given the prompt and the tokens before it, without guidance or filters
/// (teacher forcing). Thread-safe.
/// </summary>
internal sealed class TokenLikelihood(DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image)
{
    /// <summary>Number of sequences of a batch: beyond some rows a step takes as much longer as there are more of them.</summary>
    public const int MaxRows = 16;

    /// <summary>The natural logarithms of the tokens' probabilities, a batch when its first sequence is requested.</summary>
    public IEnumerable<double[]> LogProbabilities(IEnumerable<(long[] Prompt, IReadOnlyList<int> Tokens)> sequences, CancellationToken cancellationToken)
    {
        using var prefill = new PromptPrefill(decoder, textEncoder);
        foreach (var batch in sequences.Chunk(Math.Min(MaxRows, decoder.MaxRows)))
        {
            foreach (var result in OfBatch(batch, prefill, cancellationToken))
                yield return result;
        }
    }

    private double[][] OfBatch((long[] Prompt, IReadOnlyList<int> Tokens)[] batch, PromptPrefill prefill, CancellationToken cancellationToken)
    {
        var result = batch.Select(_ => new double[image.Tokens]).ToArray();
        using var lease = decoder.Rent(batch.Length);
        var rows = lease.Batch;
        prefill.CopyTo(rows, 0, Array.ConvertAll(batch, sequence => sequence.Prompt), cancellationToken);
        for (var step = 0; ; step++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (var row = 0; row < batch.Length; row++)
                result[row][step] = LogProbability(rows.LogitsOf(row), batch[row].Tokens[step]);
            if (step == image.Tokens - 1)
                return result;
            for (var row = 0; row < batch.Length; row++)
                rows.Ids[row] = decoder.Graph.ImageIdOffset + batch[row].Tokens[step];
            rows.Decode();
        }
    }

    /// <summary>The natural logarithm of the probability of a token.</summary>
    public static double LogProbability(ReadOnlySpan<float> logits, int token)
    {
        var largest = TensorPrimitives.Max(logits);
        var sum = 0.0;
        foreach (var logit in logits)
            sum += Math.Exp((double)logit - largest);
        return (double)logits[token] - largest - Math.Log(sum);
    }
}
