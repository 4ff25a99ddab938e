using Dalle.ML.Generation;

namespace Dalle.ML;

/// <summary>One text to complete.</summary>
/// <param name="Prompt">The beginning of the text; empty for a text from nothing, which some models make.</param>
/// <param name="Seed">The same prompt, seed and options give the same text, whatever else is completed with it.</param>
public readonly record struct TextCompletionRequest(string Prompt, ulong Seed)
{
    /// <summary>
    /// Requests for different texts of one beginning. The seeds are those of <see cref="GenerationRequest.Series"/>: the first is <paramref name="seed"/>
    /// itself.
    /// </summary>
    /// <param name="prompt">The beginning of the texts.</param>
    /// <param name="seed">Seed of the first text.</param>
    /// <param name="count">Number of texts, 0 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is negative.</exception>
    public static IEnumerable<TextCompletionRequest> Series(string prompt, ulong seed, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        return Enumerable.Range(0, count).Select(text => new TextCompletionRequest(prompt, Seeds.OfImage(seed, text)));
    }
}

/// <summary>A text that a model completed.</summary>
public sealed record CompletedText
{
    /// <summary>The beginning that was given.</summary>
    public required string Prompt { get; init; }

    /// <summary>The seed that completes it so again.</summary>
    public required ulong Seed { get; init; }

    /// <summary>The whole text, as the model's tokenizer writes it: its beginning too may be in lower case.</summary>
    public required string Text { get; init; }

    /// <summary>
    /// The text tokens, <see cref="DalleModelInfo.TextLength"/> with padding, for <see cref="GenerationRequest.PromptTokens"/>: they are exact where
    /// <see cref="Text"/> is not, such as where the model sampled bytes that are no character.
    /// </summary>
    public required IReadOnlyList<int> Tokens { get; init; }

    /// <summary>Number of text tokens that the model added; 0 if the beginning left no room, or ended the text.</summary>
    public required int NewTokens { get; init; }

    /// <summary>Number of text tokens at the end of the beginning that the model does not see, because they are beyond its length.</summary>
    public int CutTokens { get; init; }
}
