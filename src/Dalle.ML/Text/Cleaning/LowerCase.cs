using System.Text.RegularExpressions;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Lower case by Unicode's full mapping, whatever the culture. .NET's invariant mapping lacks İ and the final sigma.</summary>
internal static partial class LowerCase
{
    private const string Cased = @"[\p{Lu}\p{Ll}\p{Lt}]";
    private const string Ignorable = @"[\p{Mn}\p{Me}\p{Cf}\p{Lm}\p{Sk}'.:·‧’]";

    /// <summary>As Python's <c>str.lower</c> does.</summary>
    public static string Of(string text) => OfEach(text.Contains('Σ', StringComparison.Ordinal) ? FinalSigma().Replace(text, "ς") : text);

    /// <summary>Each character for itself, as Hugging Face's tokenizers do.</summary>
    public static string OfEach(string text) => text.ToLowerInvariant().Replace("İ", "i\u0307", StringComparison.Ordinal);

    // After a letter with case and before none, marks and the like apart (Unicode, section 3.13, Final_Sigma).
    [GeneratedRegex($"(?<={Cased}{Ignorable}*)Σ(?!{Ignorable}*{Cased})")]
    private static partial Regex FinalSigma();
}
