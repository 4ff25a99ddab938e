using System.CommandLine;
using System.CommandLine.Parsing;

namespace Dalle.ML.Cli;

/// <summary>Validation of option values before a command runs.</summary>
internal static class OptionRules
{
    /// <summary>Rejects other values; the message says what the option must be.</summary>
    public static Option<T> MustBe<T>(this Option<T> option, Func<T?, bool> isValid, string range)
    {
        option.Validators.Add(result =>
        {
            if (!TryGet<T>(result, out var value) || !isValid(value))
                result.AddError($"{option.Name} must be {range}.");
        });
        return option;
    }

    /// <summary>Rejects what a parser of the library rejects.</summary>
    public static Option<string> MustParse<TValue>(this Option<string> option, Func<string, TValue> parse, string range) => option.MustBe(
        text =>
        {
            try
            {
                parse(text ?? "");
                return true;
            }
            catch (FormatException)
            {
                return false;
            }
        },
        range);

    private static bool TryGet<T>(OptionResult result, out T? value)
    {
        try
        {
            value = result.GetValueOrDefault<T>();
            return true;
        }
        catch (InvalidOperationException)
        {
            value = default;
            return false;
        }
    }
}
