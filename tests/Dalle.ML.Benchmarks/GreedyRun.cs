using System.Numerics.Tensors;
using Dalle.ML.Text;

namespace Dalle.ML.Benchmarks;

/// <summary>Images of fixed prompts, each token the likeliest one, without guidance.</summary>
/// <param name="Tokens">The likeliest tokens, [image tokens, prompts].</param>
/// <param name="Logits">What they were chosen by, [image tokens, prompts, vocabulary].</param>
internal sealed record GreedyRun(int[] Tokens, float[] Logits)
{
    private static readonly string[] Prompts =
    [
        BuiltInModel.Prompt, "a purple octopus", "three bananas", "a small owl in the top left corner", "a yellow star", "a grayscale lion",
        "a frog to the left of a pig", "a panda inside a red circle", "a penguin wearing a top hat", "a green apple", "six strawberries",
        "a castle above a whale", "a blue heart on a white background", "a big rocket", "a pink elephant on a black background", "nine stars",
    ];

    /// <param name="decoder">The transformer.</param>
    /// <param name="led">The tokens that the next ones follow; its own if null.</param>
    public static GreedyRun Of(MeasuredDecoder decoder, int[]? led = null)
    {
        var tokenizer = new PromptTokenizer(decoder.Bundle, decoder.Bundle.Manifest.Text!);
        var (vocabulary, length) = (decoder.Image.CodebookSize, decoder.Image.Tokens);
        var run = new GreedyRun(new int[length * Prompts.Length], new float[length * Prompts.Length * vocabulary]);
        using var batch = decoder.Session.NewBatch(Prompts.Length);
        batch.Prefill([.. Prompts.SelectMany(tokenizer.Encode)]);
        for (var i = 0; i < run.Tokens.Length; i++)
        {
            var row = i % Prompts.Length;
            if (row == 0 && i > 0)
                batch.Decode();
            var logits = batch.Logits.Slice(row * vocabulary, vocabulary);
            logits.CopyTo(run.Logits.AsSpan(i * vocabulary));
            run.Tokens[i] = TensorPrimitives.IndexOfMax(logits);
            batch.Ids[row] = decoder.Graph.ImageIdOffset + (led ?? run.Tokens)[i];
        }
        return run;
    }

    /// <summary>Share of the tokens that are those of another run.</summary>
    public double SameTokens(GreedyRun other) => Tokens.Zip(other.Tokens, (mine, theirs) => mine == theirs ? 1.0 : 0).Average();

    /// <summary>Share of the images of which all tokens are those of another run.</summary>
    public double SameImages(GreedyRun other) =>
        Enumerable.Range(0, Prompts.Length).Average(prompt => ImageOf(prompt).SequenceEqual(other.ImageOf(prompt)) ? 1.0 : 0);

    /// <summary>How far the logits are from those of another run, at most and on average.</summary>
    public (double Largest, double Mean) DifferenceOfLogits(GreedyRun other)
    {
        var differences = new float[Logits.Length];
        TensorPrimitives.Subtract(Logits, other.Logits, differences);
        return (Math.Abs(TensorPrimitives.MaxMagnitude<float>(differences)), TensorPrimitives.SumOfMagnitudes<float>(differences) / (double)differences.Length);
    }

    private IEnumerable<int> ImageOf(int prompt) => Tokens.Where((_, i) => i % Prompts.Length == prompt);
}
