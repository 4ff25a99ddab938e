using Dalle.ML.Bundles;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation.Autoregressive;

/// <summary>
/// Samples image tokens from logits on the host: a prompt is run once, and its key-value cache copied to every sequence; with guidance each
/// sequence has a twin without the prompt.
/// </summary>
internal sealed class HostSampler(
    DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image, SamplingParameters parameters, UnconditionalPrefill unconditional) : IImageTokenSampler
{
    private readonly PromptPrefill _prompt = new(decoder, textEncoder);
    private readonly Sampler _sampler = new(image.CodebookSize, parameters.Temperature, parameters.TopK, parameters.TopP);

    public int[][] Sample(Sequence[] batch, Action<ReadOnlyMemory<int>> report, CancellationToken cancellationToken)
    {
        var count = batch.Length;
        var tokens = batch.Select(_ => new int[image.Tokens]).ToArray();
        using var lease = decoder.Rent(parameters.IsGuided ? 2 * count : count);
        var rows = lease.Batch;
        for (var row = 0; row < count; row++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            _prompt.CopyTo(rows, row, batch[row].Prompt);
        }
        if (parameters.IsGuided)
            unconditional.CopyTo(rows, batch);

        for (var step = 0; ; step++)
        {
            for (var row = 0; row < count; row++)
                tokens[row][step] = batch[row].KnownToken(step) is >= 0 and var known ? known : Sample(rows, row, batch[row].Uniform(step));
            report(tokens[0].AsMemory(0, step + 1));
            if (step == image.Tokens - 1)
                return tokens;

            cancellationToken.ThrowIfCancellationRequested();
            for (var row = 0; row < rows.Rows; row++)
                rows.Ids[row] = decoder.Graph.ImageIdOffset + tokens[row % count][step];
            rows.Decode();
        }
    }

    public void Dispose() => _prompt.Dispose();

    private int Sample(LogitsDecodeBatch rows, int row, double uniform)
    {
        var logits = rows.LogitsOf(row);
        if (parameters.IsGuided)
            Sampler.ApplyGuidance(logits, rows.LogitsOf(rows.Rows / 2 + row), parameters.Guidance);
        return _sampler.Sample(logits, uniform);
    }
}
