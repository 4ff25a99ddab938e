using System.CommandLine;
using System.Globalization;

namespace Dalle.ML.Cli;

/// <summary>Says on standard error what a model does not see of prompts: tokens beyond its length, and words that it was not trained on.</summary>
internal static class PromptRemarks
{
    private const int MostWords = 10;
    private const int LongestPrompt = 60;

    /// <summary>A remark for each prompt that is cut or has unseen words.</summary>
    public static void OfEach(ParseResult parsed, DalleModel model, IEnumerable<string> prompts)
    {
        if (parsed.GetValue(Results.Quiet))
            return;
        foreach (var prompt in prompts.Distinct())
        {
            if (model.CountCutTokens(prompt) is > 0 and var cut)
            {
                Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture,
                    $"the last {cut} tokens of '{BeginningOf(prompt)}' were cut: the model reads {model.Info.TextLength}. Shorten the prompt."));
            }
            OfUnseen(parsed, model.FindUnseenWords(prompt));
        }
    }

    /// <summary>One remark for all prompts that are cut, and one for all unseen words.</summary>
    public static void OfAll(ParseResult parsed, DalleModel model, IReadOnlyCollection<string> prompts)
    {
        if (parsed.GetValue(Results.Quiet))
            return;
        if (prompts.Count(prompt => model.CountCutTokens(prompt) > 0) is > 0 and var cut)
        {
            Results.Remark(parsed, string.Create(CultureInfo.InvariantCulture,
                $"{cut} of {prompts.Count} prompts are longer than the {model.Info.TextLength} tokens that the model reads, and are cut; 'cutTokens' in the manifest says by how many."));
        }
        OfUnseen(parsed, [.. prompts.SelectMany(model.FindUnseenWords).Distinct()]);
    }

    private static string BeginningOf(string prompt) => prompt.Length > LongestPrompt ? prompt[..LongestPrompt] + "…" : prompt;

    private static void OfUnseen(ParseResult parsed, IReadOnlyList<string> words)
    {
        if (words.Count == 0)
            return;
        var rest = words.Count > MostWords ? string.Create(CultureInfo.InvariantCulture, $" and {words.Count - MostWords} more") : "";
        Results.Remark(parsed, $"the model never saw: {string.Join(", ", words.Take(MostWords))}{rest}. 'dalle info --words' lists the words that it knows.");
    }
}
