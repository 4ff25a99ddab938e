using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>A small DALLE of lucidrains/DALLE-pytorch with random weights that make every part of it count.</summary>
internal sealed class TinyDallePytorch
{
    public const int Channels = 40;
    public const int Layers = 3;
    private const int Dim = 24;
    private const int TextLength = 4;
    private const int TextIds = 514 + TextLength;
    private const int Grid = 4;
    private const int Codes = 12;

    /// <param name="rotaryWidth">Channels of a head that are rotated; 0 where positions have embeddings.</param>
    public TinyDallePytorch(int rotaryWidth)
    {
        Add("vae.codebook.weight", Codes, 4);
        Add("vae.encoder.0.0.weight", 4, 3, 4, 4);
        Add("vae.encoder.0.0.bias", 4);
        Add("vae.encoder.1.weight", Codes, 4, 1, 1);
        Add("vae.encoder.1.bias", Codes);
        Add("vae.decoder.0.0.weight", 4, 4, 4, 4);
        Add("vae.decoder.0.0.bias", 4);
        Add("vae.decoder.1.weight", 3, 4, 1, 1);
        Add("vae.decoder.1.bias", 3);
        Add("text_emb.weight", TextIds, Dim);
        Add("image_emb.weight", Codes, Dim);
        for (var layer = 0; layer < Layers; layer++)
        {
            var (attention, feedForward) = ($"transformer.layers.layers.{layer}.0.", $"transformer.layers.layers.{layer}.1.");
            Add(attention + "scale", 1, 1, Dim);
            Add(attention + "fn.norm.weight", Dim);
            Add(attention + "fn.norm.bias", Dim);
            Add(attention + "fn.fn.to_qkv.weight", 3 * Channels, Dim);
            Add(attention + "fn.fn.to_out.0.weight", Dim, Channels);
            Add(attention + "fn.fn.to_out.0.bias", Dim);
            Add(feedForward + "scale", 1, 1, Dim);
            Add(feedForward + "fn.norm.weight", Dim);
            Add(feedForward + "fn.norm.bias", Dim);
            Add(feedForward + "fn.fn.net.0.weight", 8 * Dim, Dim);
            Add(feedForward + "fn.fn.net.0.bias", 8 * Dim);
            Add(feedForward + "fn.fn.net.3.weight", Dim, 4 * Dim);
            Add(feedForward + "fn.fn.net.3.bias", Dim);
        }
        Add("to_logits.0.weight", Dim);
        Add("to_logits.0.bias", Dim);
        Add("to_logits.1.weight", TextIds + Codes, Dim);
        Add("to_logits.1.bias", TextIds + Codes);
        if (rotaryWidth > 0)
        {
            Add("transformer.pos_emb", 1, TextLength + Grid * Grid + 1, rotaryWidth);
            return;
        }
        Add("text_pos_emb.weight", TextLength + 1, Dim);
        Add("image_pos_emb.weights_0", 1, Grid, 1, Dim);
        Add("image_pos_emb.weights_1", 1, 1, Grid, Dim);
    }

    public Dictionary<string, Tensor> Weights { get; } = [];

    /// <summary>More saved arguments of the constructor.</summary>
    public Dictionary<string, object?> Arguments { get; } = [];

    /// <summary>Writes <c>dalle.pt</c> and a tokenizer's file into a folder and returns both.</summary>
    public string[] Write(string folder)
    {
        Directory.CreateDirectory(folder);
        var (dalle, tokenizer) = (Path.Combine(folder, "dalle.pt"), Path.Combine(folder, "bpe_simple_vocab_16e6.txt"));
        var arguments = new Dictionary<object, object?>
        {
            ["num_text_tokens"] = TextIds - TextLength,
            ["text_seq_len"] = TextLength,
            ["dim_head"] = 8,
            ["attn_types"] = new object?[] { "full", "axial_row", "conv_like" },
        };
        foreach (var (name, value) in Arguments)
            arguments[name] = value;
        var root = new Dictionary<object, object?>
        {
            ["hparams"] = arguments,
            ["vae_params"] = new Dictionary<object, object?> { ["image_size"] = 2 * Grid },
            ["weights"] = Weights.ToDictionary(weight => (object)weight.Key, weight => (object?)TorchWriter.Tensor(
                "FloatStorage", weight.Key, weight.Value.Values.Length, Array.ConvertAll(weight.Value.Shape, size => (long)size))),
        };
        File.WriteAllBytes(dalle, TorchWriter.Zip(root, Weights.ToDictionary(weight => weight.Key, weight => CheckpointTest.Bytes(weight.Value.Values))));
        File.WriteAllText(tokenizer, "#version: 0.2\n");
        return [dalle, tokenizer];
    }

    private void Add(string name, params int[] shape)
    {
        using var random = new RandomCheckpoint(seed: 1, deviation: 0.5f);
        Weights.Add(name, random.Read(name, shape));
    }
}
