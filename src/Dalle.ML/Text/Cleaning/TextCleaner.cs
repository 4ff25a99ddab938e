using Dalle.ML.Models;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Brings a prompt into the form that a model was trained on.</summary>
internal static class TextCleaner
{
    public static string Clean(string text, IEnumerable<TextCleaning> steps) => steps.Aggregate(text, Clean);

    private static string Clean(string text, TextCleaning step) => step switch
    {
        TextCleaning.Lowercase => text.ToLowerInvariant(),
        _ => throw new NotSupportedException($"{step} is not built yet"),
    };
}
