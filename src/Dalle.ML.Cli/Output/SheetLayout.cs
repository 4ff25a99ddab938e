using System.CommandLine;
using System.Globalization;
using SkiaSharp;

namespace Dalle.ML.Cli;

/// <summary>How the images of a run are put together on one sheet, if the user wants it.</summary>
/// <param name="Columns">Images side by side; null leaves it to the command.</param>
/// <param name="Gap">Pixels between images and around them.</param>
/// <param name="Background">Colour around the images.</param>
/// <param name="Captions">What is written at each image; empty for nothing.</param>
/// <param name="CaptionsOver">Whether it is above the image, and not below.</param>
/// <param name="IsSeamless">Whether the images go over into each other.</param>
internal sealed record SheetLayout(int? Columns, int Gap, SKColor Background, IReadOnlyList<string> Captions, bool CaptionsOver, bool IsSeamless)
{
    public const string Prompt = "prompt";
    public const string Seed = "seed";
    public const string Score = "score";
    public const string Perplexity = "perplexity";

    private const string Over = "over";
    private const string Under = "under";
    private const int DefaultGap = 4;

    private static readonly string[] Parts = [Prompt, Seed, Score, Perplexity];

    private static readonly Option<bool> Grid = new("--grid") { Description = "Also write all images as one sheet, grid.png." };

    private static readonly Option<int?> GridColumns = new Option<int?>("--grid-columns") { HelpName = "n", Description = "Images side by side on the sheet [default: a row for each prompt, or a square]." }
        .MustBeNumber(1, 1000);

    private static readonly Option<int?> GridGap = new Option<int?>("--grid-gap") { HelpName = "pixels", Description = "Pixels between the images of the sheet [default: 4]." }
        .MustBeNumber(0, 1000);

    private static readonly Option<string> GridBackground = new Option<string>("--grid-background") { HelpName = "colour", Description = "Colour around the images of the sheet: white, black, transparent or #rrggbb [default: white]." }
        .MustBe(text => text is null || ColorOf(text) is not null, "white, black, transparent, or red, green and blue in hexadecimal, e.g. #202020");

    private static readonly Option<string> GridCaptions = new Option<string>("--grid-captions") { HelpName = "list", Description = $"Captions on the sheet: {string.Join(", ", Parts)}; several with commas." }
        .MustBe(text => text is null || Split(text) is { Length: > 0 } parts && parts.All(Parts.Contains) && parts.Distinct().Count() == parts.Length, $"one or more of {string.Join(",", Parts)}, separated by commas");

    private static readonly Option<string> GridCaptionsAt = new Option<string>("--grid-captions-at") { HelpName = "place", Description = $"Captions {Under} or {Over} the images [default: {Under}]." }
        .MustBe(text => text is null or Under or Over, $"{Under} or {Over}");

    /// <summary>For commands whose images have tokens.</summary>
    public static Option<bool> Seamless { get; } = new("--seamless") { Description = "Decode the image tokens of the sheet as one image, without seams." };

    /// <summary>The options of every command that generates images.</summary>
    public static IEnumerable<Option> Options => [Grid, GridColumns, GridGap, GridBackground, GridCaptions, GridCaptionsAt];

    /// <returns>Null if the user wants no sheet.</returns>
    /// <exception cref="UsageException">Options contradict each other, or captions cannot be written on this machine.</exception>
    public static SheetLayout? Read(ParseResult parsed)
    {
        Option[] decorations = [GridGap, GridBackground, GridCaptions, GridCaptionsAt];
        if (!parsed.GetValue(Grid))
        {
            return new Option[] { GridColumns, Seamless }.Concat(decorations).FirstOrDefault(IsGiven) is { } alone
                ? throw new UsageException($"{alone.Name} is about the sheet of all images. Add --grid, or leave it out.")
                : null;
        }
        var isSeamless = parsed.GetValue(Seamless);
        if (isSeamless && decorations.FirstOrDefault(IsGiven) is { } between)
            throw new UsageException($"--seamless leaves nothing between the images; {between.Name} is about that. Leave one of them out.");
        if (IsGiven(GridCaptionsAt) && !IsGiven(GridCaptions))
            throw new UsageException($"{GridCaptionsAt.Name} says where captions are; {GridCaptions.Name} says which. Give both.");
        if (IsGiven(GridCaptions) && !CaptionFont.IsAvailable)
            throw new UsageException($"{GridCaptions.Name} needs a font, and this machine has none. Install one, for example with 'apt-get install fonts-dejavu-core', or leave the option out.");
        return new SheetLayout(
            parsed.GetValue(GridColumns), parsed.GetValue(GridGap) ?? DefaultGap, ColorOf(parsed.GetValue(GridBackground) ?? "white")!.Value,
            Split(parsed.GetValue(GridCaptions) ?? ""), parsed.GetValue(GridCaptionsAt) == Over, isSeamless);

        bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
    }

    /// <summary>The numbers that are written at an image, and what they are.</summary>
    public string[] NumbersOf(GeneratedImage image)
    {
        return [.. Captions.Where(part => part != Prompt).Select(Number)];

        string Number(string part) => string.Create(CultureInfo.InvariantCulture, $"{part} {part switch
        {
            Seed => $"{image.Seed}",
            Score => Text(image.Score),
            _ => Text(image.Perplexity),
        }}");

        static string Text(float value) => float.IsFinite(value) ? value.ToString("0.0", CultureInfo.InvariantCulture) : "–";
    }

    private static SKColor? ColorOf(string text) => text switch
    {
        "white" => SKColors.White,
        "black" => SKColors.Black,
        "transparent" => SKColors.Transparent,
        ['#', _, _, _, _, _, _] when SKColor.TryParse(text, out var color) => color,
        _ => null,
    };

    private static string[] Split(string text) => text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
