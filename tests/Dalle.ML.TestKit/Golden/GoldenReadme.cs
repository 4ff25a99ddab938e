using System.Globalization;
using System.Text.RegularExpressions;

namespace Dalle.ML.Tests.Golden;

/// <summary>What the README.md of reference data says of its files: values that were given to the original's code, and are in no other file.</summary>
public static class GoldenReadme
{
    /// <summary>The number after a word in the description of a file.</summary>
    /// <param name="file">The file, with its family before it.</param>
    /// <param name="word">Such as "scale" or "t"; an equals sign may follow it.</param>
    public static float Number(string file, string word) => Numbers(file, word)[0];

    /// <summary>All numbers that follow a word in the description of a file.</summary>
    /// <param name="file">The file, with its family before it.</param>
    /// <param name="word">The word.</param>
    public static float[] Numbers(string file, string word)
    {
        var (family, name) = (file.Split('/')[0], string.Join('/', file.Split('/')[1..]));
        var readme = Path.Combine(GoldenFolder.Root, family, "README.md");
        var row = File.ReadLines(readme).FirstOrDefault(line => line.StartsWith($"| `{name}` |", StringComparison.Ordinal));
        Assert.True(row is not null, $"'{readme}' does not describe '{name}'.");
        var numbers = Regex.Match(row, $@"\b{Regex.Escape(word)}((?:[\s=]+\d*\.?\d+)+)").Groups[1].Value;
        Assert.True(numbers.Length > 0, $"'{readme}' says no '{word}' of '{name}'.");
        return [.. numbers.Split([' ', '='], StringSplitOptions.RemoveEmptyEntries).Select(number => float.Parse(number, CultureInfo.InvariantCulture))];
    }
}
