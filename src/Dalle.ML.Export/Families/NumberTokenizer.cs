using System.Globalization;
using System.Text;
using System.Text.Json;
using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Families;

/// <summary>The tokenizer of models whose prompt is the number of a class: every number is a token.</summary>
internal static class NumberTokenizer
{
    /// <summary>Writes byte-level BPE files for the numbers from 0 up to <paramref name="count"/>, which is none of them.</summary>
    public static TokenizerFiles Write(BundleWriter bundle, int count)
    {
        var numbers = Enumerable.Range(0, count).ToDictionary(number => number.ToString(CultureInfo.InvariantCulture));
        // A number comes from any two numbers that it is written of.
        var merges = numbers.Keys.SelectMany(number => Enumerable.Range(1, number.Length - 1)
            .Where(split => split == number.Length - 1 || number[split] != '0')
            .Select(split => $"{number[..split]} {number[split..]}\n"));
        return new TokenizerFiles
        {
            Kind = TokenizerKind.ByteLevelBpe,
            Vocabulary = bundle.Write("vocab.json", JsonSerializer.SerializeToUtf8Bytes(numbers)),
            Merges = bundle.Write("merges.txt", Encoding.UTF8.GetBytes("#version: 0.2\n" + string.Concat(merges))),
        };
    }
}
