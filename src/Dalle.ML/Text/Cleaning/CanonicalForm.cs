using System.Globalization;
using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Unicode's canonical normalization forms (UAX 15), of Unicode 15.0.</summary>
/// <remarks>
/// .NET's own, <see cref="string.Normalize()"/>, does nothing where globalization is invariant, and ids must not depend on that.
/// </remarks>
internal static class CanonicalForm
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int Leads = 19, Vowels = 21, Trails = 28;

    private static readonly Lazy<Tables> Known = new(() => new Tables());

    /// <summary>Form C: letters and their marks as one character where there is one.</summary>
    public static string Compose(string text)
    {
        // Below U+0300 every text is in form C.
        if (!text.AsSpan().ContainsAnyExceptInRange('\0', '\u02FF'))
            return text;
        var tables = Known.Value;
        var composed = new List<int>(text.Length);
        var (starter, lastClass) = (-1, 0);
        foreach (var character in tables.Decompose(text))
        {
            var combiningClass = tables.ClassOf(character);
            var isNext = starter >= 0 && (lastClass < combiningClass || starter == composed.Count - 1);
            if (isNext && tables.Pair(composed[starter], character) is { } pair)
            {
                composed[starter] = pair;
                continue;
            }
            if (combiningClass == 0)
                starter = composed.Count;
            lastClass = combiningClass;
            composed.Add(character);
        }
        return ToText(composed);
    }

    /// <summary>Form D: letters before their marks.</summary>
    public static string Decompose(string text) => Ascii.IsValid(text) ? text : ToText(Known.Value.Decompose(text));

    private static string ToText(List<int> characters)
    {
        var text = new StringBuilder(characters.Count);
        foreach (var character in characters)
            text.Append(new Rune(character));
        return text.ToString();
    }

    private sealed class Tables
    {
        private readonly Dictionary<int, int[]> _decompositions = [];
        private readonly Dictionary<(int First, int Second), int> _pairs = [];
        private readonly Dictionary<int, int> _classes = [];

        public Tables()
        {
            foreach (var line in DataFile.Lines("canonical.txt"))
            {
                var fields = line[1..].Split(' ');
                var character = Hexadecimal(fields[0]);
                if (line[0] == '+')
                {
                    _classes[character] = int.Parse(fields[1], CultureInfo.InvariantCulture);
                    continue;
                }
                int[] parts = [.. fields[1..].Select(Hexadecimal)];
                _decompositions[character] = parts;
                if (line[0] == '=' && parts.Length == 2 && ClassOf(character) == 0 && ClassOf(parts[0]) == 0)
                    _pairs[(parts[0], parts[1])] = character;
            }

            static int Hexadecimal(string digits) => int.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        }

        public int ClassOf(int character) => _classes.GetValueOrDefault(character);

        /// <summary>The one character that a pair makes.</summary>
        public int? Pair(int first, int second)
        {
            if (first - LeadBase is >= 0 and < Leads and var lead && second - VowelBase is >= 0 and < Vowels and var vowel)
                return HangulBase + (lead * Vowels + vowel) * Trails;
            if (IsHangul(first) && (first - HangulBase) % Trails == 0 && second - TrailBase is > 0 and < Trails and var trail)
                return first + trail;
            return _pairs.TryGetValue((first, second), out var pair) ? pair : null;
        }

        public List<int> Decompose(string text)
        {
            var characters = new List<int>(text.Length);
            foreach (var rune in text.EnumerateRunes())
                Append(rune.Value);

            // Marks after the same letter come in the order of their classes; those of one class keep their own.
            for (int start = 0, end; start < characters.Count; start = end)
            {
                for (end = start + 1; ClassOf(characters[start]) > 0 && end < characters.Count && ClassOf(characters[end]) > 0;)
                    end++;
                if (end - start > 1)
                {
                    var marks = characters[start..end].OrderBy(ClassOf).ToArray();
                    for (var i = 0; i < marks.Length; i++)
                        characters[start + i] = marks[i];
                }
            }
            return characters;

            void Append(int character)
            {
                if (IsHangul(character))
                {
                    var (syllable, trail) = Math.DivRem(character - HangulBase, Trails);
                    characters.AddRange([LeadBase + syllable / Vowels, VowelBase + syllable % Vowels]);
                    if (trail > 0)
                        characters.Add(TrailBase + trail);
                }
                else if (_decompositions.TryGetValue(character, out var parts))
                    Array.ForEach(parts, Append);
                else
                    characters.Add(character);
            }
        }

        private static bool IsHangul(int character) => character - HangulBase is >= 0 and < Leads * Vowels * Trails;
    }
}
