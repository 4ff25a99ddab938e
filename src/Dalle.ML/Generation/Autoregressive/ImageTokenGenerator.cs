using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// The autoregressive loop of DALL·E (Ramesh et al. 2021): each image token is drawn from the transformer's distribution given the text
/// and the tokens before it. Thread-safe.
/// </summary>
/// <remarks>
/// Sequences are drawn in waves, so that memory does not grow with their number. A sequence's draws depend on its own seed alone, so that the
/// same image comes out of any wave.
/// </remarks>
/// <param name="decoder">The transformer.</param>
/// <param name="textEncoder">The encoder of the prompt, in families that have one.</param>
/// <param name="image">The grid of tokens to fill.</param>
internal sealed class ImageTokenGenerator(DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image) : IDisposable
{
    private readonly UnconditionalPrefill _unconditional = new(decoder, textEncoder);

    /// <summary>Draws the image tokens of each sequence, a wave as soon as somebody asks for its first.</summary>
    /// <param name="sequences">Prompts and seeds; equal prompts next to each other share their prefill.</param>
    /// <param name="filters">What is done to the logits.</param>
    /// <param name="report">Called now and then with the sequences that it concerns and the tokens that the first of them has.</param>
    /// <param name="cancellationToken">Checked at every token.</param>
    public IEnumerable<int[]> Generate(
        IEnumerable<Sequence> sequences, SamplingParameters filters, Action<Range, ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        var largest = Math.Max(1, decoder.MaxRows / (filters.IsGuided ? 2 : 1));
        using IImageTokenSampler drawing = decoder.DrawsTokens
            ? new InGraphSampler(decoder, textEncoder, image, filters)
            : new HostSampler(decoder, textEncoder, image, filters, _unconditional);
        var start = 0;
        foreach (var wave in sequences.Chunk(largest))
        {
            var inFlight = start..(start + wave.Length);
            foreach (var tokens in drawing.Draw(wave, drawn => report(inFlight, drawn), cancellationToken))
                yield return tokens;
            start += wave.Length;
        }
    }

    public void Dispose() => _unconditional.Dispose();
}
