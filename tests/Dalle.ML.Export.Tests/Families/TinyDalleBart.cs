using System.Text.Json;
using Dalle.ML.Export.Checkpoints;
using Dalle.ML.Export.Tests.Checkpoints;

namespace Dalle.ML.Export.Tests.Families;

/// <summary>A small DALL·E mini of random weights in min-dalle's files, all in one folder.</summary>
internal sealed class TinyDalleBart
{
    public const int Width = 32;
    public const int Heads = 2;
    public const int Codes = 40;
    private const int Gated = 44;

    private readonly int _width;

    public TinyDalleBart(int width = Width)
    {
        _width = width;
        AddStack(Encoder, layers: 1, vocabulary: 256, length: 8, isDecoder: false);
        AddStack(Decoder, layers: 2, vocabulary: Codes + 1, length: 16, isDecoder: true);
        AddDetokenizer();
    }

    public Dictionary<string, Tensor> Encoder { get; } = [];

    public Dictionary<string, Tensor> Decoder { get; } = [];

    public Dictionary<string, Tensor> Detokenizer { get; } = [];

    public string Write(string folder)
    {
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "encoder.safetensors"), Encoder);
        SafetensorsWriter.Write(Path.Combine(folder, "decoder.safetensors"), Decoder);
        SafetensorsWriter.Write(Path.Combine(folder, "detoker.safetensors"), Detokenizer);
        string[] tokens = ["<s>", "<pad>", "</s>", "<unk>", "Ġ", .. Enumerable.Range('a', 26).Select(letter => $"{(char)letter}")];
        File.WriteAllText(Path.Combine(folder, "vocab.json"), JsonSerializer.Serialize(tokens.Select((token, id) => (token, id)).ToDictionary()));
        File.WriteAllText(Path.Combine(folder, "merges.txt"), "#version: 0.2\n");
        File.WriteAllText(Path.Combine(folder, "config.json"), $$"""{"attention_head_count": {{Heads}}}""");
        return folder;
    }

    private void AddStack(Dictionary<string, Tensor> weights, int layers, int vocabulary, int length, bool isDecoder)
    {
        Add(weights, "embed_tokens.weight", vocabulary, _width);
        Add(weights, "embed_positions.weight", length, _width);
        AddNorm(weights, "layernorm_embedding", _width);
        AddNorm(weights, "final_ln", _width);
        foreach (var layer in Enumerable.Range(0, layers).Select(layer => $"layers.{layer}."))
        {
            foreach (var attention in isDecoder ? ["self_attn", "encoder_attn"] : new[] { "self_attn" })
            {
                AddNorm(weights, $"{layer}pre_{attention}_layer_norm", _width);
                AddNorm(weights, $"{layer}{attention}_layer_norm", _width);
                foreach (var part in new[] { "q", "k", "v", "out" })
                    Add(weights, $"{layer}{attention}.{part}_proj.weight", _width, _width);
            }
            AddNorm(weights, layer + "glu.ln0", _width);
            AddNorm(weights, layer + "glu.ln1", Gated);
            Add(weights, layer + "glu.fc0.weight", Gated, _width);
            Add(weights, layer + "glu.fc1.weight", Gated, _width);
            Add(weights, layer + "glu.fc2.weight", _width, Gated);
        }
        if (isDecoder)
            Add(weights, "lm_head.weight", vocabulary, _width);
    }

    /// <summary>Two levels of one block.</summary>
    private void AddDetokenizer()
    {
        const int Channels = 32;
        const int Latent = 4;
        Add(Detokenizer, "embedding.weight", Codes, Latent);
        AddConvolution("post_quant_conv", Latent, Latent, kernel: 1);
        AddConvolution("decoder.conv_in", Latent, Channels);
        foreach (var block in new[] { "mid.block_1", "mid.block_2", "up.0.block.0", "up.1.block.0" })
        {
            foreach (var half in new[] { 1, 2 })
            {
                AddNorm(Detokenizer, $"decoder.{block}.norm{half}", Channels);
                AddConvolution($"decoder.{block}.conv{half}", Channels, Channels);
            }
        }
        AddNorm(Detokenizer, "decoder.mid.attn_1.norm", Channels);
        foreach (var part in new[] { "q", "k", "v", "proj_out" })
            AddConvolution($"decoder.mid.attn_1.{part}", Channels, Channels, kernel: 1);
        AddConvolution("decoder.up.1.upsample.conv", Channels, Channels);
        AddNorm(Detokenizer, "decoder.norm_out", Channels);
        AddConvolution("decoder.conv_out", Channels, 3);

        void AddConvolution(string name, int from, int to, int kernel = 3)
        {
            Add(Detokenizer, name + ".weight", to, from, kernel, kernel);
            Add(Detokenizer, name + ".bias", to);
        }
    }

    private static void AddNorm(Dictionary<string, Tensor> weights, string name, int width)
    {
        weights.Add(name + ".weight", new Tensor([.. Enumerable.Repeat(1f, width)], isFloat16: false, width));
        Add(weights, name + ".bias", width);
    }

    private static void Add(Dictionary<string, Tensor> weights, string name, params int[] shape)
    {
        using var random = new RandomCheckpoint(seed: 1, deviation: 0.2f);
        weights.Add(name, random.Read(name, shape));
    }
}
