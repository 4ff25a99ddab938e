using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>An image to write; it has a rank, from 1, where several candidates of a request are kept.</summary>
internal readonly record struct OutputImage(GeneratedImage Image, int? Rank = null);

/// <summary>Generates images with progress and writes each as soon as it is finished; those written before an interrupt are kept.</summary>
/// <param name="Images">Number of images.</param>
/// <param name="SheetColumns">Images side by side on the sheet, if the user wants one; as many as make it square if null.</param>
/// <param name="Name">Names an image's file by its number, from 0; its prompt and its seed do if null.</param>
/// <param name="Model">Decodes a sheet without seams, where the images have tokens.</param>
internal sealed record ImageGenerationRun(int Images, int? SheetColumns = null, Func<int, GeneratedImage, string>? Name = null, DalleModel? Model = null)
{
    /// <summary>The options of every command that generates images.</summary>
    public static IEnumerable<Option> Options => [.. ModelOptions.All, .. SamplingArguments.All, .. SheetLayout.Options, .. Enlargement.Options, ImageOutput.Target, Results.Json, Results.Quiet];

    /// <param name="parsed">The command line.</param>
    /// <param name="generate">Generates the images.</param>
    /// <param name="candidates">What they are chosen from; null if there is no choice.</param>
    /// <param name="cancellationToken">Interrupts.</param>
    public async Task<int> RunAsync(
        ParseResult parsed, Func<IProgress<GenerationProgress>, IEnumerable<OutputImage>> generate, BestOfCandidates? candidates, CancellationToken cancellationToken)
    {
        var layout = SheetLayout.Read(parsed);
        using var enlargement = Enlargement.Open(parsed, cancellationToken);
        ISheet? sheet = layout is null ? null
            : layout.IsSeamless ? new SeamlessSheet(Model!, Images, layout.Columns ?? SheetColumns, enlargement)
            : new ContactSheet(layout, Images, SheetColumns);
        var files = ImageOutput.Open(parsed, sheet is null ? Images : Images + 1);
        var written = 0;
        try
        {
            await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), betweenLines: null, display =>
            {
                foreach (var output in generate(new GenerationReporter(display)))
                {
                    using var image = output.Image;
                    using var enlarged = enlargement?.Apply(image.Image);
                    var rank = output.Rank is { } number ? $"_best{number}" : "";
                    var name = Name?.Invoke(written, image) ?? FileNames.OfPrompt(image.Prompt, image.Seed) + rank;
                    files.Write(enlarged ?? image.Image, name, path => new
                    {
                        image.Prompt,
                        image.Seed,
                        image.Candidate,
                        image.CandidateSeed,
                        output.Rank,
                        Score = Results.Finite(image.Score),
                        Perplexity = Results.Finite(image.Perplexity),
                        CutTokens = image.CutTokens > 0 ? image.CutTokens : default(int?),
                        File = path,
                    });
                    sheet?.Add(image, enlarged ?? image.Image);
                    written++;
                }
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Results.Remark(parsed, $"interrupted; {written} of {Images} images were written and are kept.");
            if (candidates?.Interruption is { } interruption)
                Results.Remark(parsed, interruption);
            return CommandLine.Interrupted;
        }
        finally
        {
            if (sheet is not null && written > 0)
            {
                using var image = sheet.Render();
                if (image is null)
                    Results.Remark(parsed, $"grid.png was not written: without seams it needs all {Images} images.");
                else
                    files.Write(image, "grid", path => new { Grid = path });
            }
        }
        return CommandLine.Success;
    }

    /// <summary>Reports at once: <see cref="Progress{T}"/> would hand every token to the thread pool.</summary>
    private sealed class GenerationReporter(ProgressDisplay display) : IProgress<GenerationProgress>
    {
        public void Report(GenerationProgress value) => display.Report(
            value.Fraction,
            string.Create(CultureInfo.InvariantCulture, $"image {value.Image + 1} of {value.Images}, candidate {value.Candidate + 1} of {value.Candidates}"));
    }
}
