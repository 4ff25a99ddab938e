using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// The autoregressive loop of DALL·E (Ramesh et al. 2021): each image token is sampled from the transformer's distribution given the text
/// and the tokens before it. Thread-safe.
/// </summary>
/// <remarks>
/// Many sequences are processed in batches, so that memory does not grow with their number. The tokens depend only on the sequence's own seed,
/// so that any batch gives the same image.
/// </remarks>
/// <param name="decoder">The transformer.</param>
/// <param name="textEncoder">The encoder of the prompt, in families that have one.</param>
/// <param name="image">The grid of tokens to fill.</param>
internal sealed class ImageTokenGenerator(DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image) : IDisposable
{
    private readonly UnconditionalPrefill _unconditional = new(decoder, textEncoder);

    /// <summary>Samples the image tokens of each sequence, a batch when its first sequence is requested.</summary>
    /// <param name="sequences">Prompts and seeds; equal prompts next to each other share their prefill.</param>
    /// <param name="parameters">How the logits are processed.</param>
    /// <param name="report">Called from time to time with the sequences and the tokens of the first of them.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    /// <returns>The tokens of each sequence; null for one that was cancelled.</returns>
    public IEnumerable<int[]?> Generate(
        IEnumerable<Sequence> sequences, SamplingParameters parameters, Action<Range, ReadOnlyMemory<int>> report, CancellationToken cancellationToken) =>
        GenerateBatches(sequences, parameters, report, cancellationToken).SelectMany(batch => batch);

    /// <summary>The same, in the batches that are sampled together.</summary>
    public IEnumerable<int[]?[]> GenerateBatches(
        IEnumerable<Sequence> sequences, SamplingParameters parameters, Action<Range, ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        var largest = Math.Max(1, decoder.MaxRows / (parameters.IsGuided ? 2 : 1));
        using IImageTokenSampler sampler = decoder.SamplesTokens
            ? new InGraphSampler(decoder, textEncoder, image, parameters)
            : new HostSampler(decoder, textEncoder, image, parameters, _unconditional);
        var start = 0;
        foreach (var batch in sequences.Chunk(largest))
        {
            var (first, end) = (start, start + batch.Length);
            yield return sampler.Sample(batch, (number, sampled) => report((first + number)..end, sampled), cancellationToken);
            start = end;
        }
    }

    public void Dispose() => _unconditional.Dispose();
}
