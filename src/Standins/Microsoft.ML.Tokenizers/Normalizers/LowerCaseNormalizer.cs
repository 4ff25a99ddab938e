namespace Microsoft.ML.Tokenizers;

/// <summary>Writes everything in lower case, whatever the machine's language.</summary>
public sealed class LowerCaseNormalizer : Normalizer
{
    public override string Normalize(string original) => original.ToLowerInvariant();

    public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
}
