using System.Text.Json;
using Dalle.ML.Export;

namespace Dalle.ML.Tests;

/// <summary>
/// A model with random weights that has what the built-in one has — its sizes of prompts and embeddings, its tokenizer, tokens of 8 × 8 pixels, a
/// CLIP — and takes next to no time. Its pictures show nothing. It is exported once a process.
/// </summary>
public static class TinyModel
{
    private const int ImageSize = 64;
    private const int Grid = 8;
    private const int CodebookSize = 2048;
    private const int TextVocabulary = 2048;
    private const int TextLength = 24;
    private const int EmbeddingDimension = 192;

    // What makes it tiny.
    private const int Layers = 2;
    private const int Width = 32;
    private const int Heads = 2;
    private const int Channels = 8;

    private static readonly Lazy<string> Exported = new(() => Export(hasTextHead: true));
    private static readonly Lazy<string> ExportedWithoutText = new(() => Export(hasTextHead: false));

    /// <summary>The bundle's folder, which is gone after the tests.</summary>
    public static string Path => Exported.Value;

    /// <summary>The folder of the same model without a head for the text, so that it does not complete texts.</summary>
    public static string PathWithoutText => ExportedWithoutText.Value;

    public static DalleModel Load() => DalleModel.Load(Path);

    private static string Export(bool hasTextHead)
    {
        var folder = new TemporaryFolder();
        AppDomain.CurrentDomain.ProcessExit += (_, _) => folder.Dispose();
        var checkpoint = Directory.CreateDirectory(System.IO.Path.Combine(folder.Path, "checkpoint")).FullName;
        File.WriteAllText(System.IO.Path.Combine(checkpoint, "config.json"), JsonSerializer.Serialize(new
        {
            name = "tiny-64",
            image_size = ImageSize,
            grid = Grid,
            image_vocab = CodebookSize,
            text = new { lowercase = true, vocab_size = TextVocabulary, length = TextLength },
            transformer = new { file = "transformer.safetensors", layers = Layers, dim = Width, heads = Heads },
            dvae = new { file = "dvae.safetensors", code_dim = Channels },
            clip = new { file = "clip.safetensors", embedding = EmbeddingDimension },
        }));
        foreach (var file in new[] { "vocab.json", "merges.txt" })
            File.Copy(System.IO.Path.Combine(DalleModel.DefaultPath, file), System.IO.Path.Combine(checkpoint, file));
        Transformer(hasTextHead).Write(System.IO.Path.Combine(checkpoint, "transformer.safetensors"));
        DiscreteVae().Write(System.IO.Path.Combine(checkpoint, "dvae.safetensors"));
        Clip().Write(System.IO.Path.Combine(checkpoint, "clip.safetensors"));
        var bundle = System.IO.Path.Combine(folder.Path, "tiny-64");
        BundleExporter.Export("dalle", [checkpoint], bundle);
        return bundle;
    }

    private static TinyCheckpoint Transformer(bool hasTextHead)
    {
        var weights = new TinyCheckpoint(seed: 1);
        weights.Normal("text_emb.weight", 1, TextVocabulary + TextLength, Width);
        weights.Normal("text_pos.weight", 1, TextLength, Width);
        weights.Normal("image_emb.weight", 1, CodebookSize, Width);
        weights.Normal("row_emb.weight", 1, Grid, Width);
        weights.Normal("col_emb.weight", 1, Grid, Width);
        for (var layer = 0; layer < Layers; layer++)
            weights.Block($"blocks.{layer}", Width);
        weights.Norm("ln", Width);
        weights.Linear("image_head", CodebookSize, Width);
        if (hasTextHead)
            weights.Linear("text_head", TextVocabulary + TextLength, Width);
        return weights;
    }

    private static TinyCheckpoint DiscreteVae()
    {
        var weights = new TinyCheckpoint(seed: 2);
        weights.Convolution("encoder.conv_in", Channels / 2, 3, 12);
        weights.Convolution("encoder.down", Channels, Channels / 2, 4);
        weights.Residual("encoder.res0", Channels);
        weights.Convolution("encoder.conv_out", CodebookSize, Channels, 1);
        weights.Normal("decoder.codebook.weight", 1, CodebookSize, Channels);
        weights.Convolution("decoder.net.0", Channels, Channels, 3);
        weights.Residual("decoder.net.1", Channels);
        weights.Residual("decoder.net.2", Channels);
        weights.Residual("decoder.net.3", Channels);
        weights.Convolution("decoder.net.5", 2 * Channels, Channels, 1);
        weights.Residual("decoder.net.7", Channels / 2);
        weights.Residual("decoder.net.8", Channels / 2);
        weights.Convolution("decoder.net.10", 3 * 4 * 4, Channels / 2, 3);
        return weights;
    }

    private static TinyCheckpoint Clip()
    {
        var weights = new TinyCheckpoint(seed: 3);
        weights.Normal("text.text_emb.weight", 1, TextVocabulary + TextLength, Width);
        weights.Normal("text.text_pos.weight", 1, TextLength, Width);
        weights.Block("text.blocks.0", Width);
        weights.Norm("text.ln", Width);
        weights.Linear("text.proj", EmbeddingDimension, Width);

        // The first convolution sees squares of 4 × 4 pixels as channels.
        weights.Convolution("image.net.1", Channels, 3 * 4 * 4, 3);
        weights.Convolution("image.net.3", Channels, Channels, 4);
        weights.Residual("image.net.4", Channels);
        weights.Convolution("image.net.6", Channels, Channels, 4);
        weights.Residual("image.net.7", Channels);
        weights.Linear("image.proj", EmbeddingDimension, Channels * (ImageSize / 16) * (ImageSize / 16));
        weights.Constant("logit_scale", MathF.Log(20));
        return weights;
    }
}
