using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Families;
using Dalle.ML.Export.Tests.Checkpoints;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>
/// A checkpoint of the family <c>dalle</c> that is small enough to be computed by hand, with weights that make every part of it count.
/// </summary>
internal sealed class TinyDalle
{
    public const int Layers = 4;
    public const int Heads = 2;
    public const int Dim = 16;
    public const int TextLength = 6;
    public const int TextIds = 256 + TextLength;
    public const int Grid = 8;
    public const int CodebookSize = 12;

    private readonly Random _random = new(1);
    private readonly Dictionary<string, Tensor> _weights = [];

    public TinyDalle()
    {
        Normal("text_emb.weight", 1, TextIds, Dim);
        Normal("text_pos.weight", 1, TextLength, Dim);
        Normal("image_emb.weight", 1, CodebookSize, Dim);
        Normal("row_emb.weight", 1, Grid, Dim);
        Normal("col_emb.weight", 1, Grid, Dim);
        for (var layer = 0; layer < Layers; layer++)
        {
            var block = $"blocks.{layer}.";
            Norm(block + "ln1");
            Norm(block + "ln2");
            Linear(block + "qkv", 3 * Dim, Dim);
            Linear(block + "proj", Dim, Dim);
            Linear(block + "fc1", 4 * Dim, Dim);
            Linear(block + "fc2", Dim, 4 * Dim);
        }
        Norm("ln");
        Linear("text_head", TextIds, Dim);
        Linear("image_head", CodebookSize, Dim);
    }

    public Tensor this[string name] => _weights[name];

    /// <summary>Writes the checkpoint's folder and returns it.</summary>
    public string Write(string folder, bool isSparse, int decoderWidth = 4)
    {
        Directory.CreateDirectory(folder);
        var config = new
        {
            name = "tiny",
            image_size = 8 * Grid,
            grid = Grid,
            image_vocab = CodebookSize,
            text = new { lowercase = true, vocab_size = TextIds - TextLength, length = TextLength },
            transformer = new { file = "transformer.safetensors", layers = Layers, dim = Dim, heads = Heads, sparse_attention = isSparse },
            dvae = new { file = "dvae.safetensors", code_dim = 4 },
        };
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(config));
        RandomTokenizer.Write(new BundleWriter(folder));
        SafetensorsWriter.Write(Path.Combine(folder, "transformer.safetensors"), _weights);
        SafetensorsWriter.Write(Path.Combine(folder, "dvae.safetensors"), Dvae(decoderWidth));
        return folder;
    }

    private static Dictionary<string, Tensor> Dvae(int decoderWidth)
    {
        const int Width = 4;
        var dvae = new TinyDalle();
        dvae._weights.Clear();
        dvae.Convolution("encoder.conv_in", Width / 2, 3, 12);
        dvae.Convolution("encoder.down", Width, Width / 2, 4);
        dvae.Residual("encoder.res0", Width);
        dvae.Convolution("encoder.conv_out", CodebookSize, Width, 1);
        dvae.Normal("decoder.codebook.weight", 1, CodebookSize, 4);
        dvae.Convolution("decoder.net.0", decoderWidth, 4, 3);
        dvae.Residual("decoder.net.1", decoderWidth);
        dvae.Residual("decoder.net.2", decoderWidth);
        dvae.Residual("decoder.net.3", decoderWidth);
        dvae.Convolution("decoder.net.5", 2 * decoderWidth, decoderWidth, 1);
        dvae.Residual("decoder.net.7", decoderWidth / 2);
        dvae.Residual("decoder.net.8", decoderWidth / 2);
        dvae.Convolution("decoder.net.10", 48, decoderWidth / 2, 3);
        return dvae._weights;
    }

    private void Residual(string name, int width)
    {
        Convolution(name + ".a", width, width, 3);
        Convolution(name + ".b", width, width, 3);
    }

    private void Convolution(string name, int to, int from, int kernel)
    {
        Normal(name + ".weight", 1 / MathF.Sqrt(from * kernel * kernel), to, from, kernel, kernel);
        Normal(name + ".bias", 0.1f, to);
    }

    private void Linear(string name, int to, int from)
    {
        Normal(name + ".weight", 1.5f / MathF.Sqrt(from), to, from);
        Normal(name + ".bias", 0.1f, to);
    }

    private void Norm(string name)
    {
        Normal(name + ".weight", 1, Dim);
        Normal(name + ".bias", 0.1f, Dim);
    }

    private void Normal(string name, float deviation, params int[] shape)
    {
        var values = new float[shape.Aggregate(1, (product, size) => product * size)];
        for (var i = 0; i < values.Length; i++)
            values[i] = deviation * MathF.Sqrt(-2 * MathF.Log(1 - _random.NextSingle())) * MathF.Cos(MathF.Tau * _random.NextSingle());
        _weights[name] = new Tensor(values, isFloat16: false, shape);
    }
}
