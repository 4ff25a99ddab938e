using System.Text.Json;
using Dalle.ML.Bundles;

namespace Dalle.ML.Export.Families;

/// <summary>The tokenizer of models whose weights are random: every byte is a token.</summary>
internal static class RandomTokenizer
{
    /// <summary>Writes GPT-2's files, in which printable characters stand for bytes, without merges. The ids are those of the bytes.</summary>
    public static TokenizerFiles Write(BundleWriter bundle)
    {
        // Printable bytes of Latin-1 stand for themselves, the others for what follows Latin-1, in order.
        var next = 256;
        var vocabulary = Enumerable.Range(0, 256).ToDictionary(value => ((char)(IsPrintable(value) ? value : next++)).ToString());
        return new TokenizerFiles
        {
            Kind = TokenizerKind.ByteLevelBpe,
            Vocabulary = bundle.Write("vocab.json", JsonSerializer.SerializeToUtf8Bytes(vocabulary)),
            Merges = bundle.Write("merges.txt", "#version: 0.2\n"u8),
        };
    }

    private static bool IsPrintable(int value) => value is (>= '!' and <= '~') or (>= '¡' and <= '¬') or (>= '®' and <= 'ÿ');
}
