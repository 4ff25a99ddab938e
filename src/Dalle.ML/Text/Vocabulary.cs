using System.Text;
using System.Text.RegularExpressions;
using Dalle.ML.Bundles;
using Dalle.ML.Text.Cleaning;

namespace Dalle.ML.Text;

/// <summary>
/// The words that a model was trained on. A word is a run of letters and digits, with hyphens and apostrophes inside, of the cleaned
/// text; forms of a word, such as its plural, are words of their own.
/// </summary>
internal sealed partial class Vocabulary
{
    private const int MaxBytes = 4 << 20;
    private const int MaxLength = 200;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly TextCleaning[] _cleaning;
    private readonly HashSet<string> _words;

    private Vocabulary(string[] lines, TextCleaning[] cleaning)
    {
        (Lines, _cleaning) = (lines, cleaning);
        _words = [.. lines.SelectMany(WordsOf)];
    }

    /// <summary>The words and phrases as the file has them.</summary>
    public IReadOnlyList<string> Lines { get; }

    /// <summary>Reads the file of words; null where the bundle has none.</summary>
    /// <exception cref="DalleBundleException">The file is not a list of words.</exception>
    public static Vocabulary? Read(Bundle bundle)
    {
        if (bundle.Manifest.Words is not { } file)
            return null;
        if (bundle.Manifest.Files[file].Size > MaxBytes)
            throw bundle.Error($"the file of words '{file}' has more than {MaxBytes >> 20} MiB.");
        string text;
        try
        {
            text = Strict.GetString(File.ReadAllBytes(bundle.PathOf(file))).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException exception)
        {
            throw bundle.Error($"the file of words '{file}' is not UTF-8.", exception);
        }
        string[] lines = [.. text.Split('\n').Select(line => line.TrimEnd('\r')).Where(line => line.Length > 0)];
        foreach (var (index, line) in lines.Index())
        {
            if (line.Length > MaxLength || line.Any(char.IsControl))
                throw bundle.Error($"entry {index + 1} of the file of words '{file}' is longer than {MaxLength} characters or holds control characters.");
        }
        return new Vocabulary(lines, bundle.Manifest.Text?.Cleaning ?? []);
    }

    /// <summary>The words of a prompt that are in no line, each once, in the prompt's order.</summary>
    public IReadOnlyList<string> Unseen(string prompt) => [.. WordsOf(prompt).Where(word => !_words.Contains(word)).Distinct()];

    private IEnumerable<string> WordsOf(string text) => Word().Matches(TextCleaner.Clean(text, _cleaning)).Select(match => match.Value);

    [GeneratedRegex(@"[\p{L}\p{M}\p{N}]+(?:[-'\u2019][\p{L}\p{M}\p{N}]+)*")]
    private static partial Regex Word();
}
