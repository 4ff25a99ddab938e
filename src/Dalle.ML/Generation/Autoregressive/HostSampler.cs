using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// Draws tokens from logits that come to the host: a prompt is run once, and its key-value cache copied to every sequence; with guidance each
/// sequence has a twin without the prompt.
/// </summary>
internal sealed class HostSampler(
    DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image, SamplingParameters filters, UnconditionalPrefill unconditional) : IImageTokenSampler
{
    private readonly PromptPrefill _prompt = new(decoder, textEncoder);
    private readonly Sampler _sampler = new(image.CodebookSize, filters.Temperature, filters.TopK, filters.TopP);

    public int[][] Draw(Sequence[] wave, Action<ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        var count = wave.Length;
        var tokens = wave.Select(_ => new int[image.Tokens]).ToArray();
        var batch = decoder.Rent(filters.IsGuided ? 2 * count : count);
        try
        {
            for (var row = 0; row < count; row++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _prompt.CopyTo(batch, row, wave[row].Prompt);
            }
            if (filters.IsGuided)
                unconditional.CopyTo(batch, wave);

            for (var step = 0; ; step++)
            {
                for (var row = 0; row < count; row++)
                    tokens[row][step] = wave[row].KnownToken(step) is >= 0 and var given ? given : Draw(batch, row, wave[row].Uniform(step));
                report(tokens[0].AsMemory(0, step + 1));
                if (step == image.Tokens - 1)
                    return tokens;

                cancellationToken.ThrowIfCancellationRequested();
                for (var row = 0; row < batch.Rows; row++)
                    batch.Ids[row] = decoder.Graph.ImageIdOffset + tokens[row % count][step];
                batch.Decode();
            }
        }
        finally
        {
            decoder.Return(batch);
        }
    }

    public void Dispose() => _prompt.Dispose();

    private int Draw(LogitsDecodeBatch batch, int row, double uniform)
    {
        var logits = batch.LogitsOf(row);
        if (filters.IsGuided)
            Sampler.ApplyGuidance(logits, batch.LogitsOf(batch.Rows / 2 + row), filters.Guidance);
        return _sampler.Sample(logits, uniform);
    }
}
