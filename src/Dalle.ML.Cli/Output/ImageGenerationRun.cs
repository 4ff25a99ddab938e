using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>An image on its way to the output; the rank is given where several of one request are kept, from 1.</summary>
internal readonly record struct OutputImage(GeneratedImage Image, int? Rank = null);

/// <summary>Draws images and writes each as soon as it is known, with progress; what was written before an interrupt is kept.</summary>
/// <param name="Images">How many images are drawn.</param>
/// <param name="SheetColumns">Images side by side on the sheet, if the user wants one; as many as make it square if null.</param>
internal sealed record ImageGenerationRun(int Images, int? SheetColumns = null)
{
    public static Option<bool> Grid { get; } = new("--grid") { Description = "Also write all images as one sheet, grid.png." };

    /// <summary>The options of every command that draws.</summary>
    public static IEnumerable<Option> Options => [.. ModelOptions.All, .. SamplingArguments.All, Grid, ImageOutput.Target, Results.Json, Results.Quiet];

    public async Task<int> RunAsync(
        ParseResult parsed, Func<IProgress<GenerationProgress>, IEnumerable<OutputImage>> generate, CancellationToken cancellationToken)
    {
        var sheet = parsed.GetValue(Grid) ? new ContactSheet(Images, SheetColumns) : null;
        var output = ImageOutput.Open(parsed, sheet is null ? Images : Images + 1);
        var written = 0;
        try
        {
            await ProgressDisplay.RunAsync(parsed.Console(), !parsed.GetValue(Results.Quiet), betweenLines: null, display =>
            {
                foreach (var drawn in generate(new GenerationReporter(display)))
                {
                    using var image = drawn.Image;
                    var rank = drawn.Rank is { } number ? $"_best{number}" : "";
                    output.Write(image.Image, FileNames.OfPrompt(image.Prompt, image.Seed) + rank, path => new
                    {
                        image.Prompt,
                        image.Seed,
                        image.Candidate,
                        image.CandidateSeed,
                        drawn.Rank,
                        Score = Results.Finite(image.Score),
                        File = path,
                    });
                    sheet?.Add(image.Image);
                    written++;
                }
            });
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            Results.Remark(parsed, $"interrupted; {written} of {Images} images were written and are kept.");
            return CommandLine.Interrupted;
        }
        finally
        {
            if (sheet is not null && written > 0)
            {
                using var image = sheet.Draw();
                output.Write(image, "grid", path => new { Grid = path });
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
