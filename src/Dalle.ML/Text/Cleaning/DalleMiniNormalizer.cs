using System.Text.RegularExpressions;

namespace Dalle.ML.Text.Cleaning;

/// <summary>The normaliser of captions of DALL·E mini (borisdayma/dalle-mini, <c>text.py</c>), for ASCII in lower case.</summary>
/// <remarks>
/// Two of its steps are simpler here. A hashtag keeps its words together, as they are parted there by a list of word frequencies that is
/// not part of the tokenizer. And a <c>&lt;person&gt;</c> is always <c>a person</c>, the most frequent of the three that are chosen at random there.
/// </remarks>
internal static partial class DalleMiniNormalizer
{
    // Stand for marks within words and numbers while the others become commas: letters that no ASCII text has.
    private const char Dot = '\uA4D0', Apostrophe = '\uA4D1', Slash = '\uA4D2';

    public static string Normalize(string text)
    {
        text = People().Replace(text, " people ").Replace("<person>", " a person ", StringComparison.Ordinal);
        text = Url().Replace(Tag().Replace(WikipediaReference().Replace(text, ""), " "), "");
        text = ThousandsComma().Replace(ThousandsComma().Replace(text, "$1$2"), "$1$2");

        text = ApostropheInWord().Replace(DotInWord().Replace(text, $"$1{Dot}$2"), $"{Apostrophe}");
        text = SlashInDate().Replace(text, $"$1{Slash}$2");
        text = Hashtag().Replace(Sign().Replace(HyphenInWord().Replace(text, "$1 $2"), " $0 "), "");
        text = Punctuation().Replace(Quote().Replace(Ignored().Replace(text, " "), "\""), ",");
        text = text.Replace(Dot, '.').Replace(Apostrophe, '\'').Replace(Slash, '/');

        text = Spaces().Replace(Repeated().Replace(text, "$1"), " ");
        text = Spaces().Replace(Commas().Replace(Quotes().Replace(text, " \" "), ", "), " ").Trim();
        text = text.EndsWith(',') ? text[..^1] : text;
        text = text.StartsWith(',') ? text[1..] : text;
        return " " + text.Trim();
    }

    [GeneratedRegex(@"<person>(?:(?:[,\s]|and)*<person>)+")]
    private static partial Regex People();

    [GeneratedRegex(@"\A\s*\[[0-9]+\]|\[[0-9]+\]\s*\z")]
    private static partial Regex WikipediaReference();

    [GeneratedRegex("<[^<]+?>")]
    private static partial Regex Tag();

    [GeneratedRegex(@"http\S+")]
    private static partial Regex Url();

    [GeneratedRegex("([0-9]),([0-9]{3})")]
    private static partial Regex ThousandsComma();

    [GeneratedRegex(@"(\w)\.(\w)")]
    private static partial Regex DotInWord();

    [GeneratedRegex(@"'(?=(?:[stdm]|ll|re|ve)\b)")]
    private static partial Regex ApostropheInWord();

    [GeneratedRegex("([0-9])/([0-9])")]
    private static partial Regex SlashInDate();

    [GeneratedRegex(@"(\w)-(\w)")]
    private static partial Regex HyphenInWord();

    [GeneratedRegex("[%&/$*]")]
    private static partial Regex Sign();

    [GeneratedRegex(@"#(?=\w)")]
    private static partial Regex Hashtag();

    [GeneratedRegex(@"[_#\\]")]
    private static partial Regex Ignored();

    [GeneratedRegex("['\"`]")]
    private static partial Regex Quote();

    [GeneratedRegex(@"[()[\].,|:;?!=+~\-/{}]")]
    private static partial Regex Punctuation();

    [GeneratedRegex(@"([^0-9])\1{3,}")]
    private static partial Regex Repeated();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(" ?\"[ \"]*")]
    private static partial Regex Quotes();

    [GeneratedRegex(" ?,[ ,]*")]
    private static partial Regex Commas();
}
