using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>The loss of a transformer on the image tokens of captioned images, and on the text tokens where its bundle has their logits.</summary>
internal sealed class TokenLoss(ParseResult parsed, DalleModel model, ProgressDisplay display, CancellationToken cancellationToken)
{
    // As many as the transformer takes at once.
    private const int BatchSize = 16;

    public void Run(string captions, IReadOnlyList<ListedImage> images)
    {
        if (images.FirstOrDefault(image => string.IsNullOrWhiteSpace(image.Prompt)) is { } uncaptioned)
            throw new InvalidDataException($"'{captions}' has no caption of '{uncaptioned.Path}'. Each image needs 'prompt'.");
        var (sum, squares, ofText, done, cut) = (0.0, 0.0, 0.0, 0, 0);
        foreach (var batch in images.Chunk(BatchSize))
        {
            foreach (var (listed, probabilities) in batch.Zip(model.LogProbabilities([.. batch.Select(Request)], cancellationToken)))
            {
                var loss = -probabilities.Average();
                (sum, squares, done) = (sum + loss, squares + loss * loss, done + 1);
                if (model.Info.CanCompleteText)
                    ofText -= model.TextLogProbabilities(listed.Prompt!, cancellationToken).Average();
                display.Report((double)done / images.Count, string.Create(CultureInfo.InvariantCulture, $"losses, image {done} of {images.Count}"));
            }
        }
        var mean = sum / done;
        if (cut > 0)
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture, $"of {cut} captions the model sees the beginning only: they have more than {model.Info.TextLength} tokens."));
        var error = done > 1 ? Math.Sqrt(Math.Max(0, squares - done * mean * mean) / (done - 1) / done) : default(double?);
        var meanOfText = model.Info.CanCompleteText ? ofText / done : default(double?);
        var text = meanOfText is null ? "" : string.Create(CultureInfo.InvariantCulture, $", {meanOfText:0.####} nats per text token with its padding");
        Results.Write(
            parsed,
            string.Create(CultureInfo.InvariantCulture, $"{mean:0.####} nats per image token{(error is null ? "" : $" (standard error {error:0.####})")}, perplexity {Math.Exp(mean):0.##}{text}, {done} images, model {model.Info.Name}"),
            new { Model = model.Info.Name, Images = done, TokensPerImage = model.Info.TokenRows * model.Info.TokenColumns, NatsPerImageToken = mean, StandardError = error, Perplexity = Math.Exp(mean), NatsPerTextToken = meanOfText, CutCaptions = cut });

        GenerationRequest Request(ListedImage listed)
        {
            using var image = ImageSetReader.Load(parsed, listed, cancellationToken);
            cut += model.CountCutTokens(listed.Prompt!) > 0 ? 1 : 0;
            return new GenerationRequest(listed.Prompt!, Seed: 0) { KnownTokens = model.EncodeImage(image) };
        }
    }
}
