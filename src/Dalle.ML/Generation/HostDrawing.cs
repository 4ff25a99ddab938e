using Dalle.ML.Models;
using Dalle.ML.Runtime;

namespace Dalle.ML.Generation;

/// <summary>
/// Draws tokens from logits that come to the host: a prompt is run once, and its key-value cache copied to every sequence; with guidance each
/// sequence has a twin without the prompt.
/// </summary>
internal sealed class HostDrawing(
    DecoderSession decoder, TextEncoderSession? textEncoder, ImageFormat image, Filters filters, UnconditionalPrefix unconditional) : ITokenDrawing
{
    private readonly Prefix _prompt = new(decoder, textEncoder);
    private readonly Sampler _sampler = new(image.Vocabulary, filters.Temperature, filters.TopK, filters.TopP);

    public int[][] Draw(Sequence[] wave, Action<ReadOnlyMemory<int>> report, CancellationToken cancellation)
    {
        var count = wave.Length;
        var tokens = wave.Select(_ => new int[image.Tokens]).ToArray();
        var batch = decoder.Rent(filters.IsGuided ? 2 * count : count);
        try
        {
            for (var row = 0; row < count; row++)
            {
                cancellation.ThrowIfCancellationRequested();
                _prompt.CopyTo(batch, row, wave[row].Prompt);
            }
            if (filters.IsGuided)
                unconditional.CopyTo(batch, wave);

            for (var step = 0; ; step++)
            {
                for (var row = 0; row < count; row++)
                    tokens[row][step] = wave[row].Given(step) is >= 0 and var given ? given : Draw(batch, row, wave[row].Uniform(step));
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

    public void Dispose() => _prompt.Dispose();

    private int Draw(LogitsBatch batch, int row, double uniform)
    {
        var logits = batch.LogitsOf(row);
        if (filters.IsGuided)
            Sampler.Guide(logits, batch.LogitsOf(batch.Rows / 2 + row), filters.Guidance);
        return _sampler.Sample(logits, uniform);
    }
}
