using System.Buffers;
using System.Text;

namespace Dalle.ML.Text.Cleaning;

/// <summary>Emoji and their English names, as the Python package <c>emoji</c> spells them (carpedm20/emoji).</summary>
/// <remarks>The emoji of Unicode 15.0; later ones stay as they are.</remarks>
internal static class Emoji
{
    private static readonly Lazy<Table> Known = new(() => new Table());

    /// <summary>Writes each emoji by its name, between two delimiters, and leaves out lone variation selectors.</summary>
    public static string Demojize(string text, string delimiter)
    {
        if (Ascii.IsValid(text))
            return text;
        var named = new StringBuilder(text.Length);
        for (int at = 0, length; at < text.Length; at += length)
        {
            if (Known.Value.LongestAt(text.AsSpan(at), out length) is { } name)
                named.Append(delimiter).Append(name).Append(delimiter);
            else if (text[at] is not ('\uFE0E' or '\uFE0F'))
                named.Append(text[at]);
        }
        return named.ToString();
    }

    private sealed class Table
    {
        private readonly Dictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> _names;
        private readonly SearchValues<char> _first;
        private readonly int _longest;

        public Table()
        {
            var pairs = DataFile.Lines("emoji.txt").Select(line => line.Split('\t'));
            var names = pairs.ToDictionary(pair => pair[0], pair => pair[1]);
            _names = names.GetAlternateLookup<ReadOnlySpan<char>>();
            _first = SearchValues.Create([.. names.Keys.Select(emoji => emoji[0]).Distinct()]);
            _longest = names.Keys.Max(emoji => emoji.Length);
        }

        /// <summary>The name of the longest emoji that a text starts with, and its length; null, and 1, where there is none.</summary>
        public string? LongestAt(ReadOnlySpan<char> text, out int length)
        {
            for (length = _first.Contains(text[0]) ? Math.Min(_longest, text.Length) : 0; length > 0; length--)
            {
                if (_names.TryGetValue(text[..length], out var name))
                    return name;
            }
            length = 1;
            return null;
        }
    }
}
