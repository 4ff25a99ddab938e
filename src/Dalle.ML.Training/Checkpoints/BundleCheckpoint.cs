using Dalle.ML.Bundles;
using Dalle.ML.Export.Architectures;
using Dalle.ML.Export.Families;
using static TorchSharp.torch;
using Tensor = Dalle.ML.Export.Checkpoints.Tensor;

namespace Dalle.ML.Training.Checkpoints;

/// <summary>
/// Turns a bundle of the family <c>dalle</c> back into the checkpoint that it was exported from, as far as a bundle holds it: a head for the
/// text may be missing, and of a discrete VAE of vector quantization the keys always are.
/// </summary>
internal static class BundleCheckpoint
{
    private const string Transformer = "transformer.safetensors", DiscreteVae = "dvae.safetensors", Clip = "clip.safetensors";

    private static readonly string[] EncoderConvolutions = ["conv_in", "down", "conv_out"], DecoderConvolutions = ["net.0", "net.5", "net.10"];
    private static readonly string[] DecoderResiduals = ["net.1", "net.2", "net.3", "net.7", "net.8"];

    /// <summary>Writes the checkpoint.</summary>
    /// <param name="path">Folder of the bundle, which is verified.</param>
    /// <param name="folder">An existing folder for the checkpoint.</param>
    /// <param name="note">Is told what the bundle does not hold.</param>
    /// <exception cref="DalleBundleException">The bundle is invalid, or not one that can be trained further.</exception>
    /// <exception cref="InvalidDataException">A graph is not as the family is exported.</exception>
    public static void Write(string path, string folder, Action<string> note)
    {
        var bundle = Bundle.Open(path);
        var manifest = bundle.Manifest;
        if (manifest.Family != DalleFamily.Family.Name)
            throw bundle.Error($"training starts from models of the family '{DalleFamily.Family.Name}'; this one is of '{manifest.Family}'.");
        if (manifest is not { Decoder: { } decoder, Text: { Tokenizer: { Kind: TokenizerKind.ByteLevelBpe, Merges: { } merges } } text, Image: { } image, ImageEncoder: { } encoder })
        {
            throw bundle.Error("it has no transformer with its vocabulary, or no encoder of images, so training cannot start from it. "
                + "Of a run whose discrete VAE alone is trained, name the folder 'checkpoint'.");
        }
        if (manifest.Precision is not ("fp32" or "fp16"))
            throw bundle.Error($"its weights are quantised ({manifest.Precision}), so it cannot be trained further. Start from the model as fp32 or fp16.");

        using var scope = NewDisposeScope();
        var configuration = Path.Combine(folder, "config.json");
        // Written last, as it makes the folder a checkpoint.
        File.Delete(configuration);
        Copy(text.Tokenizer.Vocabulary, "vocab.json");
        Copy(merges, "merges.txt");
        var transformer = WriteTransformer(bundle, decoder, manifest.TextDecoder?.Graph.File, text, image, Path.Combine(folder, Transformer));
        var discreteVae = WriteDiscreteVae(bundle, encoder, manifest.ImageDecoder!, Path.Combine(folder, DiscreteVae));
        var clip = manifest.Clip;
        // One that was copied from elsewhere brings a tokenizer of its own.
        if (clip is not null && clip.Text.Tokenizer != text.Tokenizer)
        {
            note($"The CLIP of '{path}' is of another model, so a new one is trained.");
            clip = null;
        }
        if (clip is not null)
            WriteClip(bundle, clip, Path.Combine(folder, Clip));
        new DalleConfig(
            manifest.Name, image.Width, image.Rows, image.CodebookSize,
            new(text.Cleaning.Contains(TextCleaning.Lowercase), text.Vocabulary - text.Length, text.Length,
                text.Cleaning.Contains(TextCleaning.LeadingSpace)),
            transformer, discreteVae, clip is null ? null : new(Clip, clip.EmbeddingDimension)).Write(configuration);

        // Written anew: a copy of a file that may not be written could not be replaced the next time.
        void Copy(string from, string to) => File.WriteAllBytes(Path.Combine(folder, to), File.ReadAllBytes(bundle.PathOf(from)));
    }

    private static DalleConfig.TransformerPart WriteTransformer(Bundle bundle, DecoderGraph decoder, string? textDecoder, TextFormat text, ImageFormat image, string path)
    {
        using var g = new GraphWeights(bundle.PathOf(decoder.File));
        using var ofText = textDecoder is null ? null : new GraphWeights(bundle.PathOf(textDecoder));
        var (textIds, tokens, grid) = (text.Vocabulary, image.CodebookSize, image.Rows);
        var embeddings = g.Read("embedding/Gather", 0, textIds + tokens, -1);
        var (layers, dim) = (decoder.Cache.Layers, embeddings.Shape[1]);
        var heads = AttentionHeads.Of(dim, decoder.Cache.Heads);
        var positions = g.Read("embedding/Gather_2", 0, text.Length + grid * image.Columns, dim);
        var (rows, columns) = SplitPositions(positions.Rows(text.Length..), grid);
        SafetensorsWriter.Write(path,
        [
            .. ToTorch(
            [
                ("text_emb.weight", embeddings.Rows(..textIds)),
                ("image_emb.weight", embeddings.Rows(textIds..)),
                ("text_pos.weight", positions.Rows(..text.Length)),
                ("row_emb.weight", rows),
                ("col_emb.weight", columns),
                .. Enumerable.Range(0, layers).SelectMany(layer => Block(g, layer, "blocks.", dim, heads)),
                .. Norm(g, "head/", "ln", dim),
                .. Linear(g, "head/MatMul", "head/Add", "image_head", dim, tokens),
                .. ofText is null ? [] : Linear(ofText, "head/MatMul", "head/Add", "text_head", dim, textIds),
            ]),
        ]);
        // A mask is the eleventh input of the attention.
        return new(Transformer, layers, dim, heads.Count, SparseAttention: g.InputsOf("layer_0/attention/attended") > 10);
    }

    private static DalleConfig.DvaePart WriteDiscreteVae(Bundle bundle, string encoder, string decoder, string path)
    {
        using var encoding = new GraphWeights(bundle.PathOf(encoder));
        using var decoding = new GraphWeights(bundle.PathOf(decoder));
        var codebook = decoding.Read("Gather", 0, -1, -1);
        SafetensorsWriter.Write(path,
        [
            .. ToTorch(
            [
                .. EncoderConvolutions.SelectMany(name => Convolution(encoding, $"{name}/Conv", $"encoder.{name}")),
                .. Numbered(encoding, "res", "/Conv").SelectMany(block => Residual(encoding, $"res{block}", "encoder.")),
                ("decoder.codebook.weight", codebook),
                .. DecoderConvolutions.SelectMany(name => Convolution(decoding, $"{name}/Conv", $"decoder.{name}")),
                .. DecoderResiduals.SelectMany(name => Residual(decoding, name, "decoder.")),
            ]),
        ]);
        return new(DiscreteVae, codebook.Shape[1], LogitLaplace: decoding.Has("Sigmoid"));
    }

    private static void WriteClip(Bundle bundle, ClipGraphs clip, string path)
    {
        using var text = new GraphWeights(bundle.PathOf(clip.TextEncoder));
        using var image = new GraphWeights(bundle.PathOf(clip.ImageEncoder));
        var embeddings = text.Read("Gather", 0, clip.Text.Vocabulary, -1);
        var (dim, embedding) = (embeddings.Shape[1], clip.EmbeddingDimension);
        var heads = AttentionHeads.Of(dim, Networks.ClipNetwork.Heads) with { IsPadded = false };
        SafetensorsWriter.Write(path,
        [
            .. ToTorch(
            [
                ("text.text_emb.weight", embeddings),
                ("text.text_pos.weight", text.Read("Add", 1, clip.Text.Length, dim)),
                .. Numbered(text, "layer_", "/attention/MatMul").SelectMany(layer => Block(text, layer, "text.blocks.", dim, heads)),
                .. Norm(text, "", "text.ln", dim),
                .. Linear(text, "MatMul", "Add_2", "text.proj", dim, embedding),
                ("image.net.1.weight", FoldPixelUnshuffle(image.Read("net.1/Conv", 1, -1, 3, 12, 12))),
                ("image.net.1.bias", image.Read("net.1/Conv", 2, -1)),
                .. Convolution(image, "net.3/Conv", "image.net.3"),
                .. Residual(image, "net.4", "image."),
                .. Convolution(image, "net.6/Conv", "image.net.6"),
                .. Residual(image, "net.7", "image."),
                .. Linear(image, "MatMul", "Add", "image.proj", -1, embedding),
            ]),
            ("logit_scale", tensor(MathF.Log(clip.Scale))),
        ]);
    }

    /// <summary>The numbers of layers or blocks, told by a node of each.</summary>
    private static IEnumerable<int> Numbered(GraphWeights g, string before, string after) =>
        Enumerable.InfiniteSequence(0, 1).TakeWhile(number => g.Has($"{before}{number}{after}"));

    private static (string, Tensor)[] Block(GraphWeights g, int layer, string prefix, int dim, AttentionHeads heads)
    {
        var (attention, mlp, name) = ($"layer_{layer}/attention/", $"layer_{layer}/mlp/", $"{prefix}{layer}.");
        var channels = heads.Count * heads.PaddedSize;
        return
        [
            .. Norm(g, attention, name + "ln1", dim),
            (name + "qkv.weight", WithoutPadding(g.Read(attention + "MatMul", 1, dim, 3 * channels).Transpose(1, 0), heads)),
            (name + "qkv.bias", WithoutPadding(g.Read(attention + "Add", 1, 3 * channels), heads)),
            (name + "proj.weight", WithoutPadding(g.Read(attention + "MatMul_2", 1, channels, dim), heads).Transpose(1, 0)),
            (name + "proj.bias", g.Read(attention + "Add_2", 1, dim)),
            .. Norm(g, mlp, name + "ln2", dim),
            .. Linear(g, mlp + "MatMul", mlp + "Add", name + "fc1", dim, 4 * dim),
            .. Linear(g, mlp + "MatMul_2", mlp + "Add_2", name + "fc2", 4 * dim, dim),
        ];
    }

    private static (string, Tensor)[] Norm(GraphWeights g, string scope, string name, int dim) =>
        [(name + ".weight", g.Read(scope + "LayerNormalization", 1, dim)), (name + ".bias", g.Read(scope + "LayerNormalization", 2, dim))];

    private static (string, Tensor)[] Linear(GraphWeights g, string product, string sum, string name, int from, int to) =>
        [(name + ".weight", g.Read(product, 1, from, to).Transpose(1, 0)), (name + ".bias", g.Read(sum, 1, to))];

    private static (string, Tensor)[] Convolution(GraphWeights g, string node, string name) =>
        [(name + ".weight", g.Read(node, 1, -1, -1, -1, -1)), (name + ".bias", g.Read(node, 2, -1))];

    private static (string, Tensor)[] Residual(GraphWeights g, string block, string prefix) =>
        [.. Convolution(g, $"{block}/Conv", $"{prefix}{block}.a"), .. Convolution(g, $"{block}/Conv_2", $"{prefix}{block}.b")];

    /// <summary>Rows and columns whose sums positions are. Of the ways to share a sum, the first column is zero.</summary>
    private static (Tensor Rows, Tensor Columns) SplitPositions(Tensor positions, int grid)
    {
        var (columns, dim) = (positions.Shape[0] / grid, positions.Shape[1]);
        var first = positions.Reshape(grid, columns, dim).Transpose(1, 0, 2).Reshape(columns, grid * dim).Rows(..1).Reshape(grid, dim);
        float[] differences = [.. positions.Values.Take(columns * dim).Select((value, i) => value - first.Values[i % dim])];
        return (first, new Tensor(differences, isFloat16: false, columns, dim));
    }

    /// <summary>The channels [heads · size, …] of padded heads without the zeros behind each.</summary>
    private static Tensor WithoutPadding(Tensor tensor, AttentionHeads heads)
    {
        var (count, rest) = (tensor.Shape[0] / heads.PaddedSize, tensor.Shape[1..]);
        return heads.Size == heads.PaddedSize ? tensor : tensor
            .Reshape(count, heads.PaddedSize, tensor.Values.Length / tensor.Shape[0]).Transpose(1, 0, 2)
            .Rows(..heads.Size).Transpose(1, 0, 2).Reshape([count * heads.Size, .. rest]);
    }

    /// <summary>The opposite of <see cref="Layers.UnfoldPixelUnshuffle"/>, by a factor of 4 and for a kernel of 3.</summary>
    private static Tensor FoldPixelUnshuffle(Tensor weight) =>
        weight.Reshape(weight.Shape[0], 3, 3, 4, 3, 4).Transpose(0, 1, 3, 5, 2, 4).Reshape(weight.Shape[0], 48, 3, 3);

    private static IEnumerable<(string, TorchSharp.torch.Tensor)> ToTorch((string Name, Tensor Tensor)[] tensors) => tensors.Select(t => (
        t.Name, tensor(t.Tensor.Values, [.. t.Tensor.Shape.Select(size => (long)size)]).to(t.Tensor.IsFloat16 ? ScalarType.Float16 : ScalarType.Float32)));
}
