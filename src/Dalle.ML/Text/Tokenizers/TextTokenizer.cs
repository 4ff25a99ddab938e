using Dalle.ML.Bundles;

namespace Dalle.ML.Text.Tokenizers;

/// <summary>Opens the tokenizer that a manifest names.</summary>
internal static class TextTokenizer
{
    /// <exception cref="DalleBundleException">A file cannot be read.</exception>
    public static ITextTokenizer Open(string folder, TokenizerFiles files)
    {
        var vocabulary = Path.Combine(folder, files.Vocabulary);
        var merges = files.Merges is null ? null : Path.Combine(folder, files.Merges);
        try
        {
            return files.Kind switch
            {
                TokenizerKind.YouTokenToMe => new YouTokenToMe(vocabulary),
                TokenizerKind.ByteLevelBpe => new ByteLevelBpe(BpeFiles.Read(vocabulary, merges!)),
                TokenizerKind.SpacedBpe => new SpacedBpe(BpeFiles.Read(vocabulary, merges!)),
                TokenizerKind.CharBpe => new CharBpe(BpeFiles.Read(vocabulary, merges!)),
                TokenizerKind.ClipBpe => new ClipBpe(merges is null ? BpeFiles.ReadClip(vocabulary) : BpeFiles.Read(vocabulary, merges)),
                _ => throw new ArgumentOutOfRangeException(nameof(files), files.Kind, "Unknown kind of tokenizer."),
            };
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            var names = files.Merges is null ? $"file '{files.Vocabulary}'" : $"files '{files.Vocabulary}' and '{files.Merges}'";
            throw new DalleBundleException(folder, $"the tokenizer's {names} cannot be read: {exception.Message}", exception);
        }
    }
}
