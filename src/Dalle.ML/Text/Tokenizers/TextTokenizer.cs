using Dalle.ML.Models;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>Opens the tokenizer that a manifest names.</summary>
internal static class TextTokenizer
{
    /// <exception cref="DalleBundleException">A file cannot be read.</exception>
    public static ITextTokenizer Open(Bundle bundle, TokenizerFiles files)
    {
        var (vocabulary, merges) = (bundle.PathOf(files.Vocabulary), files.Merges is null ? null : bundle.PathOf(files.Merges));
        try
        {
            return files.Kind switch
            {
                TokenizerKind.ByteLevelBpe => new ByteLevelBpe(vocabulary, merges!),
                _ => throw new NotSupportedException($"{files.Kind} is not built yet"),
            };
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            var names = files.Merges is null ? $"file '{files.Vocabulary}'" : $"files '{files.Vocabulary}' and '{files.Merges}'";
            throw bundle.Error($"the tokenizer's {names} cannot be read: {exception.Message}", exception);
        }
    }
}
