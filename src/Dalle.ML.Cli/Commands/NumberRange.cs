using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Dalle.ML.Cli;

/// <summary>
/// Options that take a number of a range, which their help states, and so does the message about any other value. Numbers are written with a
/// point, whatever the machine's language.
/// </summary>
internal static class NumberRange
{
    /// <summary>Restricts an option that is given to a range, whose limits belong to it.</summary>
    /// <param name="option">The option.</param>
    /// <param name="least">The lowest value.</param>
    /// <param name="most">The highest value.</param>
    /// <param name="words">The range in words; if null, from the lowest to the highest value.</param>
    public static Option<T?> MustBeNumber<T>(this Option<T?> option, T least, T most, string? words = null)
        where T : struct, INumber<T>
    {
        words = Describe(option, least, most, words);
        option.CustomParser = result => Parse(result, option, least, most, words);
        return option;
    }

    /// <inheritdoc cref="MustBeNumber{T}(Option{T?}, T, T, string?)"/>
    public static Option<T> MustBeNumber<T>(this Option<T> option, T least, T most, string? words = null)
        where T : struct, INumber<T>
    {
        words = Describe(option, least, most, words);
        option.CustomParser = result => Parse(result, option, least, most, words).GetValueOrDefault();
        return option;
    }

    private static bool IsWhole<T>()
        where T : INumber<T> => T.CreateTruncating(0.5) == T.Zero;

    private static string Describe<T>(Option option, T least, T most, string? words)
        where T : INumber<T>
    {
        words ??= string.Create(CultureInfo.InvariantCulture, $"{(IsWhole<T>() ? "a whole number" : "a number")} from {least} to {most}");
        option.Description += $" {char.ToUpperInvariant(words[0])}{words[1..]}.";
        return words;
    }

    private static T? Parse<T>(ArgumentResult result, Option option, T least, T most, string words)
        where T : struct, INumber<T>
    {
        var text = result.Tokens[0].Value;
        var styles = IsWhole<T>() ? NumberStyles.AllowLeadingSign : NumberStyles.Float;
        if (T.TryParse(text, styles, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most)
            return value;
        var comma = text.Contains(',', StringComparison.Ordinal) ? $" Numbers take a point, not a comma as in {text}." : "";
        result.AddError($"{option.Name} must be {words}.{comma}");
        return null;
    }
}
