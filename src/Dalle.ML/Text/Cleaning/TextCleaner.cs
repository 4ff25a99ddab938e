using System.Text.RegularExpressions;
using Dalle.ML.Bundles;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Cleans a prompt as the model's training data was cleaned.</summary>
internal static partial class TextCleaner
{
    public static string Clean(string text, IEnumerable<TextCleaning> steps) => steps.Aggregate(text, Clean);

    private static string Clean(string text, TextCleaning step) => step switch
    {
        TextCleaning.FixText => TextFixer.Fix(text),
        TextCleaning.UnescapeHtml => Html.Unescape(text),
        TextCleaning.Demojize => Emoji.Demojize(text, delimiter: ""),
        TextCleaning.DemojizeInColons => Emoji.Demojize(text, delimiter: ":"),
        TextCleaning.Transliterate => Transliteration.ToAscii(text),
        TextCleaning.Lowercase => LowerCase.Of(text),
        TextCleaning.AsciiOnly => string.Concat(text.Where(char.IsAscii)),
        TextCleaning.CollapseWhitespace => Whitespace().Replace(text, " "),
        TextCleaning.Trim => text.Trim(),
        TextCleaning.LeadingSpace => text.TrimStart() is { Length: > 0 } rest ? ' ' + rest : "",
        TextCleaning.DalleMini => DalleMiniNormalizer.Normalize(text),
        _ => throw new ArgumentOutOfRangeException(nameof(step), step, "Unknown cleaning step."),
    };

    [GeneratedRegex(@"\s+")]
    private static partial Regex Whitespace();
}
