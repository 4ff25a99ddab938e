using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary><c>dalle info</c>: describes a bundle.</summary>
internal static class InfoCommand
{
    private static readonly Argument<string?> Bundle = new("bundle")
    {
        Description = "Folder or name of the model [default: the built-in model].",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private static readonly Option<bool> Words = new("--words") { Description = "List the words that the model was trained on, one per line." };

    public static Command Create()
    {
        var command = new ToolCommand("info", "Describe a model and what it can do.",
        [
            "dalle info",
            "dalle info ./my-model --json",
            "dalle info --words",
        ])
        {
            Bundle, Words, Results.Json,
        };
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        using var model = DalleModel.Load(parsed.GetValue(Bundle) is { } bundle ? parsed.ModelPath(bundle) : DalleModel.DefaultPath);
        var info = model.Info;
        if (parsed.GetValue(Words))
        {
            var words = info.Vocabulary ?? throw new NotSupportedException($"The model '{info.Name}' does not tell the words that it was trained on.");
            Results.Write(parsed, string.Join(Environment.NewLine, words), new { Words = words });
            return CommandLine.Success;
        }
        if (parsed.GetValue(Results.Json))
        {
            Results.WriteJson(parsed, new
            {
                info.Name,
                info.Family,
                info.Description,
                info.License,
                info.Provenance,
                info.Precision,
                info.Path,
                info.Hash,
                info.ImageWidth,
                info.ImageHeight,
                info.TokenRows,
                info.TokenColumns,
                ImageVocabulary = info.CodebookSize,
                info.TextLength,
                info.CanGenerate,
                info.CanCompleteText,
                info.CanEncode,
                info.CanDecode,
                CanRank = info.HasClip,
                info.ClipScale,
                info.UpscaleFactor,
                info.FeatureDimension,
                info.FeatureClasses,
                info.Defaults,
            });
            return CommandLine.Success;
        }
        var sampling = info.Defaults.Sampling;
        string[][] rows =
        [
            ["name", info.Name],
            ["family", info.Family],
            ["description", info.Description ?? "none"],
            ["licence", info.License ?? "not stated"],
            ["provenance", info.Provenance ?? "not stated"],
            ["precision", info.Precision],
            ["path", info.Path],
            ["hash", info.Hash],
            ["images", info.ImageWidth == 0 ? "none" : $"{info.ImageWidth} × {info.ImageHeight} pixels"],
            ["tokens", info.TokenRows == 0 ? "none" : $"{info.TokenRows} × {info.TokenColumns} of a codebook of {info.CodebookSize}"],
            ["text", $"{info.TextLength} tokens"],
            ["words", info.Vocabulary is { } vocabulary ? $"{vocabulary.Count}; --words lists them" : "not stated"],
            ["generates", YesOrNo(info.CanGenerate)],
            ["completes text", YesOrNo(info.CanCompleteText)],
            ["encodes", YesOrNo(info.CanEncode)],
            ["decodes", YesOrNo(info.CanDecode)],
            ["ranks", YesOrNo(info.HasClip)],
            ["enlarges", info.UpscaleFactor == 0 ? "no" : $"{info.UpscaleFactor} times"],
            ["judges", info.FeatureDimension == 0 ? "no" : string.Create(CultureInfo.InvariantCulture, $"by {info.FeatureDimension} features, {info.FeatureClasses} classes")],
            ["defaults", string.Create(CultureInfo.InvariantCulture,
                $"candidates {info.Defaults.Candidates}, guidance {sampling.GuidanceScale}")
                + (info.TokenRows == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
                $", temperature {sampling.Temperature}, top-k {sampling.TopK}, top-p {sampling.TopP}"))],
        ];
        Results.WriteTable(parsed, rows);
        return CommandLine.Success;
    }

    private static string YesOrNo(bool value) => value ? "yes" : "no";
}
