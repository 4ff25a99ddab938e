namespace Dalle.ML.Evaluation;

/// <summary>How much of its codebook a discrete VAE uses.</summary>
/// <param name="Used">The number of image tokens that occur.</param>
/// <param name="Perplexity">exp of the entropy of the tokens: as many as would be in use if all were equally frequent.</param>
public sealed record CodebookUsage(int Used, double Perplexity)
{
    /// <summary>Of the image tokens of any number of images.</summary>
    /// <exception cref="ArgumentException">There are no tokens, or one is not of the codebook.</exception>
    public static CodebookUsage Of(IEnumerable<int> tokens, int codebookSize)
    {
        ArgumentNullException.ThrowIfNull(tokens);
        ArgumentOutOfRangeException.ThrowIfLessThan(codebookSize, 1);
        var counts = new long[codebookSize];
        long sum = 0;
        foreach (var token in tokens)
        {
            if ((uint)token >= (uint)codebookSize)
                throw new ArgumentException($"Token {token} is not of a codebook of {codebookSize}.", nameof(tokens));
            counts[token]++;
            sum++;
        }
        if (sum == 0)
            throw new ArgumentException("There are no tokens.", nameof(tokens));
        var entropy = -counts.Where(count => count > 0).Select(count => (double)count / sum).Sum(share => share * Math.Log(share));
        return new CodebookUsage(counts.Count(count => count > 0), Math.Exp(entropy));
    }
}
