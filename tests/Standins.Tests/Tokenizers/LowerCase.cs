using System.Diagnostics.CodeAnalysis;
using Microsoft.ML.Tokenizers;

namespace Standins.Tests.Tokenizers;

[SuppressMessage("Globalization", "CA1308", Justification = "Small letters are what the vocabulary has.")]
internal sealed class LowerCase : Normalizer
{
    public override string Normalize(string original) => original.ToLowerInvariant();

    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
}
